"""Stopping Noteyard in the middle of a run: it saves, is recorded as interrupted, and is tried again."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from noteyard.backends.local.instance_processes import find

from tests.support.product import product
from tests.support.waiting import until


@pytest.mark.slow
def test_a_run_that_is_stopped_with_noteyard_is_tried_again(tmp_path: Path) -> None:
    flag = tmp_path / "second"
    with product(tmp_path / "state") as made:
        made.add("ada")
        cell = f"import pathlib, time\nprint('begun', flush=True)\nif not pathlib.Path({str(flag)!r}).exists():\n"
        notebook = made.write("slow.ipynb", "kept = 'from the first cell'\nprint(kept)", cell + "    time.sleep(600)")
        run = made.yard("ada", "run", str(notebook)).split()[0]
        until(lambda: "begun" in made.yard("ada", "logs", run), 120, "the run's second cell")
        assert "Stopping labs, runs and dashboards" in made.command("down")
        assert find(made.state) == []
        assert states(made.state) == ("interrupted", "stopped", 0)
        flag.touch()
        made.command("up", "--detach", "--port", str(made.port), seconds=180)
        ended = made.ended("ada", run, 120)
        assert ended["state"] == "succeeded"
        assert states(made.state) == ("succeeded", "stopped", 0)


def states(state: Path) -> tuple[str, str, int]:
    """The run's state, its first attempt's outcome, and the retries that were used up."""
    with closing(sqlite3.connect(state / "db" / "noteyard.sqlite")) as database:
        run, retries = database.execute("SELECT state, retries_used FROM runs").fetchone()
        outcome = database.execute("SELECT outcome FROM attempts WHERE number = 1").fetchone()[0]
    return run, outcome, retries
