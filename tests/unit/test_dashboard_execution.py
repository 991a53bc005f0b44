"""Who looks is told to a dashboard's kernel after the cells, whenever the viewer comes."""

import json
import subprocess

from tests.integration.yard_tool import LAB_PYTHON

VIEWER_BEFORE_AND_AFTER = """
import asyncio, json
from types import SimpleNamespace
from nbformat.v4 import new_notebook
from noteyard_lab.dashboard.execution import Execution


def told(ahead):
    heard = []
    client = SimpleNamespace(iopub_channel=SimpleNamespace(stop=lambda: heard.append("the cells are over")))
    execution = Execution(new_notebook(), SimpleNamespace(manager=None, client=client, tell_viewer=heard.append), None)
    if ahead:
        execution.tell_viewer_afterwards("ada")
        assert heard == []
    asyncio.run(execution.run())
    if not ahead:
        execution.tell_viewer_afterwards("ada")
    return sorted(heard)


print(json.dumps([told(True), told(False)]))
"""


def test_a_viewer_who_comes_when_the_cells_are_over_and_the_page_is_not_is_told_too() -> None:
    done = subprocess.run([LAB_PYTHON, "-c", VIEWER_BEFORE_AND_AFTER], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["ada", "the cells are over"]] * 2
