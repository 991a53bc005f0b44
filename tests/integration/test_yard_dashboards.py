"""`yard dashboards versions|rollback|sleep|wake|delete`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.yard_server import running
from tests.integration.yard_state import YardServer
from tests.integration.yard_tool import write_notebook, yard


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_notebook(tmp_path / "sales.ipynb", "print(1)")
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[YardServer]:
    """A dashboard with two good versions and a third that failed; the second is shown."""
    with running(YardServer()) as server:
        for outcome in ("good", "good", "failed"):
            server.renders = outcome
            yard("publish", "sales.ipynb", "--slug", "sales", "--wait", environment=server.environment(), folder=folder)
        yield server


def dashboards(server: YardServer, folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = yard("dashboards", *arguments, environment=server.environment(), folder=folder)
    return done.returncode, done.stdout, done.stderr


def test_versions(server: YardServer, folder: Path) -> None:
    code, out, err = dashboards(server, folder, "versions", "sales")
    assert code == 0, err
    rows = [line.split() for line in out.splitlines()[1:]]
    assert [(row[0], row[1]) for row in rows] == [("3", "failed"), ("2", "shown"), ("1", "good")]
    assert "KeyError: 'wind'" in out
    _, out, _ = dashboards(server, folder, "versions", "sales", "--json")
    answer = json.loads(out)
    assert (answer["current"], [item["number"] for item in answer["items"]]) == (2, [3, 2, 1])


def test_rollback_shows_the_good_version_before_or_the_one_named(server: YardServer, folder: Path) -> None:
    assert dashboards(server, folder, "rollback", "sales")[:2] == (0, "Visitors of sales see version 1 now.\n")
    code, _, err = dashboards(server, folder, "rollback", "sales")
    assert (code, err.splitlines()[0]) == (1, "✗ sales has no good version before the one that is shown.")
    code, out, _ = dashboards(server, folder, "rollback", "sales", "2", "--json")
    assert (code, json.loads(out)["current"]) == (0, 2)
    code, _, err = dashboards(server, folder, "rollback", "sales", "3")
    assert (code, err.splitlines()[0]) == (1, "✗ Version 3 has not rendered; only one that did can be shown.")
    assert server.dashboards["sales"]["current"] == 2


def test_sleep_and_wake(server: YardServer, folder: Path) -> None:
    code, out, _ = dashboards(server, folder, "sleep", "sales")
    assert (code, out) == (0, "sales goes to sleep; the next visit wakes it.\n")
    assert server.dashboards["sales"]["state"] == "asleep"
    code, out, _ = dashboards(server, folder, "wake", "sales", "--json")
    assert (code, json.loads(out)["state"]) == (0, "starting")


def test_delete_asks_first(server: YardServer, folder: Path) -> None:
    code, _, err = dashboards(server, folder, "delete", "sales")
    assert (code, err.splitlines()) == (
        1,
        ["✗ Deleting 'sales' can't be undone, and nobody can be asked here.", "  → Add --yes."],
    )
    assert "sales" in server.dashboards
    code, out, _ = dashboards(server, folder, "delete", "sales", "--yes")
    assert (code, out) == (0, "sales (sales) is deleted.\n")
    assert not server.dashboards
    code, _, err = dashboards(server, folder, "delete", "sales", "--yes")
    assert (code, err.splitlines()[0]) == (1, "✗ There is no dashboard 'sales'.")
