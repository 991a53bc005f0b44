"""Fixtures for everybody."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from noteyard.store import Database
from noteyard.store.migrate import migrate
from sqlalchemy import text

from tests.support.postgres import postgres


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
        _empty(url)
    database = Database(url)
    migrate(database, tmp_path)
    yield database
    database.close()


def _empty(url: str) -> None:
    database = Database(url)
    with database.engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    database.close()
