"""`yard publish`, `dashboards` and `params`."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.yard_server import running
from tests.integration.yard_state import YardServer
from tests.integration.yard_tool import write_notebook, yard

PARAMETERS = """
from typing import Annotated, Literal, Optional
from datetime import date
year: Annotated[int, "bounds", ] = 2026  # the year to draw
town: Literal["Rome", "Oslo"] = "Rome"
since: Optional[date] = None  # the first day
share: float
"""


@pytest.fixture
def server() -> Iterator[YardServer]:
    with running(YardServer()) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_notebook(tmp_path / "sales.ipynb", "print(1)", parameters="year: int = 2026")
    return tmp_path


def publish(server: YardServer, folder: Path, *options: str) -> tuple[int, str, str]:
    done = yard("publish", "sales.ipynb", "--slug", "sales", *options, environment=server.environment(), folder=folder)
    return done.returncode, done.stdout, done.stderr


def test_publish_for_some_people(server: YardServer, folder: Path) -> None:
    options = ("--title", "Sales", "--audience", "people", "--person", "bob", "--person", "eve", "-p", "year=2025")
    code, out, err = publish(server, folder, *options, "--reads-viewer")
    assert (code, out) == (0, f"{server.url}/d/sales/\n"), err
    assert "Version 1, rendering; may open it: people" in err
    made = server.dashboards["sales"]
    assert (made["title"], made["people"], made["parameters"]) == ("Sales", ["bob", "eve"], {"year": 2025})
    assert made["reads_viewer"] is True


def test_publish_again_is_a_new_version_and_changes_only_what_is_said(server: YardServer, folder: Path) -> None:
    publish(server, folder, "--title", "Sales")
    code, _, err = publish(server, folder, "--audience", "users")
    assert code == 0, err
    assert "Version 2, rendering; may open it: users" in err
    made = server.dashboards["sales"]
    assert (made["title"], made["audience"], len(made["versions"])) == ("Sales", "users", 2)


def test_publish_again_tells_which_values_the_notebook_no_longer_takes(server: YardServer, folder: Path) -> None:
    publish(server, folder, "-p", "year=2025")
    write_notebook(folder / "sales.ipynb", "print(1)")
    code, _, err = publish(server, folder)
    assert code == 0, err
    assert "! The notebook no longer takes year; what was set for it is left out.\n" in err
    assert ("POST", "/api/v1/dashboards/sales/versions") in server.requests


def test_waiting_until_it_is_rendered(server: YardServer, folder: Path) -> None:
    code, out, err = publish(server, folder, "--wait")
    assert (code, out) == (0, f"{server.url}/d/sales/\n")
    assert "Version 1, good; may open it: me" in err


def test_a_version_that_fails_to_render_is_told(server: YardServer, folder: Path) -> None:
    publish(server, folder, "--wait")
    server.renders = "failed"
    code, _, err = publish(server, folder, "--wait")
    assert code == 3
    assert "✗ KeyError: 'wind'\n  → Visitors still see version 1.\n" in err


def test_a_slug_of_somebody_else_is_refused_before_anything_is_sent(server: YardServer, folder: Path) -> None:
    publish(server, folder)
    server.dashboards["sales"] |= {"owner": "bob", "may_manage": False}
    server.releases.clear()
    code, _, err = publish(server, folder)
    assert (code, err.splitlines()[0]) == (1, "✗ The slug 'sales' is bob's dashboard.")
    assert not server.releases


def test_dashboards(server: YardServer, folder: Path) -> None:
    done = yard("dashboards", environment=server.environment(), folder=folder)
    assert done.stdout.startswith("No dashboards yet.")
    publish(server, folder)
    done = yard("dashboards", environment=server.environment(), folder=folder)
    assert done.stdout.splitlines()[1].split() == [
        "sales",
        "sales",
        "ada",
        "me",
        "publishing",
        f"{server.url}/d/sales/",
    ]
    done = yard("dashboards", "--json", environment=server.environment(), folder=folder)
    assert [item["slug"] for item in json.loads(done.stdout)["items"]] == ["sales"]


def test_params_shows_what_a_notebook_can_be_given(server: YardServer, folder: Path) -> None:
    write_notebook(folder / "typed.ipynb", parameters=PARAMETERS)
    done = yard("params", "typed.ipynb", environment=server.environment(), folder=folder)
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert rows["year"].split() == ["year", "int", "2026", "the", "year", "to", "draw"]
    assert rows["town"].split() == ["town", "Rome", "|", "Oslo", "Rome"]
    assert rows["since"].split() == ["since", "date", "or", "nothing", "nothing", "the", "first", "day"]
    assert rows["share"].split() == ["share", "float", "(needed)"]
    done = yard("params", "typed.ipynb", "--json", environment=server.environment(), folder=folder)
    assert json.loads(done.stdout)["schema"]["properties"]["year"]["default"] == 2026


def test_params_of_a_notebook_without(server: YardServer, folder: Path) -> None:
    write_notebook(folder / "plain.ipynb", "x = 1")
    done = yard("params", "plain.ipynb", environment=server.environment(), folder=folder)
    assert done.stdout.startswith("This notebook takes no parameters")
    done = yard("params", "missing.ipynb", environment=server.environment(), folder=folder)
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, "✗ There is no notebook 'missing.ipynb'.")
