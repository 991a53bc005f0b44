"""Fixtures for everybody."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from noteyard.store import Database
from noteyard.store.migrate import migrate
from playwright.sync_api import Browser, BrowserContext, expect
from sqlalchemy import text

from tests.support.keycloak import Keycloak
from tests.support.keycloak import keycloak as running_keycloak
from tests.support.postgres import postgres
from tests.support.product import Product, chromium, product

FIRST = ("browser", "contract", "integration")
"""Folders whose files take long; workers that take those first, and the quick ones last, end at the same time."""


def pytest_configure() -> None:
    """Ctrl-C works in what the tests start, as from a terminal, though a background shell has it ignored."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    expect.set_options(timeout=30_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the slow folders first; within a folder, the files stay in their order."""
    folders = {folder: place for place, folder in enumerate(FIRST)}
    items.sort(key=lambda item: folders.get(item.path.parent.name, len(FIRST)))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A failure is told when it happens: whoever watches need not wait for the end, nor lose it when there is none."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        print(f"\n{report.nodeid} failed in {report.when} after {report.duration:.0f} s")
        print(report.longreprtext[-3000:], flush=True)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated, empty database of each kind."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'noteyard.sqlite'}"
    else:
        url = request.getfixturevalue("postgres_url")
        empty(url)
    database = Database(url)
    migrate(database, tmp_path)
    yield database
    database.close()


def empty(url: str) -> None:
    """Make a PostgreSQL database as new."""
    database = Database(url)
    with database.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    database.close()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The whole product, started once for all tests that share it; people: ada, bob (group sales), root (admin)."""
    with product(tmp_path_factory.mktemp("ny"), dashboards={"idle_minutes": 30}) as made:
        made.add("ada")
        made.add("bob", "sales")
        made.add("eve")
        made.add("root", admin=True)
        yield made


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    """A real Keycloak on loopback with the realm of the tests."""
    with running_keycloak(tmp_path_factory.mktemp("keycloak") / "log") as made:
        yield made


@pytest.fixture(scope="module")
def chrome() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def context(chrome: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile."""
    made = chrome.new_context(viewport={"width": 1280, "height": 800}, locale="en-GB", timezone_id="Europe/Berlin")
    made.set_default_timeout(30_000)
    yield made
    made.close()
