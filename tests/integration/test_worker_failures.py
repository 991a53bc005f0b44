"""Runs that fail: the cell, the exception, the traceback and the hint are told, and what there is is stored."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.worker_side import HubSide, claim_of, code, notebook, run, served, text, worker


def failure_of(side: HubSide, folder: Path) -> dict[str, Any]:
    """The error that a run which fails reports."""
    assert run(side, folder) == 0
    assert side.finished is not None
    assert side.finished["outcome"] == "failed", side.finished
    error: dict[str, Any] = side.finished["error"]
    return error


def test_a_failing_cell_is_told_and_the_outputs_so_far_are_kept(tmp_path: Path) -> None:
    side = claim_of(
        {
            "x.ipynb": notebook(
                text("# Report"),
                code("n = 1", "parameters"),
                "print('before')",
                "def share(x):\n    return x / 0\nshare(n)",
                "print('never')",
            )
        },
        parameters={"n": 3},
    )
    error = failure_of(side, tmp_path)
    assert (error["cell"], error["name"], error["message"]) == (4, "ZeroDivisionError", "division by zero")
    assert error["hint"] is None
    assert "return x / 0" in error["traceback"]
    assert "\x1b" not in error["traceback"]
    assert side.finished is not None
    assert (side.finished["cells_done"], side.finished["cells"]) == (3, 5)
    assert [cell["cell_type"] for cell in side.cells] == ["markdown", "code", "code", "code", "code", "code"]
    assert side.printed(3) == "before\n"
    assert side.cells[4]["outputs"][-1]["ename"] == "ZeroDivisionError"
    page = side.outputs["notebook.html"]
    assert '<a href="#cell-4">' in page
    assert '<section id="cell-4" class="ny-cell ny-failed">' in page
    assert '<section id="cell-5" class="ny-cell ny-waiting">' in page
    assert "ZeroDivisionError: division by zero" in side.log
    assert "never" not in side.log


HINTS = {
    "a file that is not in the release": (
        "open('data/july.csv')",
        "FileNotFoundError",
        "data/july.csv is not in the release. Add it to the release's files, or read it from S3.",
    ),
    "a file that is elsewhere in the release": (
        "import pandas as pd\npd.read_csv('lookup.csv')",
        "FileNotFoundError",
        "The release has it as tables/lookup.csv, but the notebook runs in the folder reports and looks for lookup.csv "
        "there.",
    ),
    "a folder of the lab": (
        "open('s3/team/x.csv')",
        "FileNotFoundError",
        "s3/team is a folder of a lab. In a run, read the same data by its address: os.environ['NOTEYARD_TEAM_URL'] or "
        "os.environ['NOTEYARD_MY_URL'].",
    ),
    "a path of another place": (
        "open('/home/ada/x.csv')",
        "FileNotFoundError",
        "A run starts in a folder with its release's files only; /home/ada/x.csv is not among them. Add the file to "
        "the release and open it by a path relative to the notebook, or read it from S3.",
    ),
    "a module that is not in the profile": (
        "from polars_business import x",
        "ModuleNotFoundError",
        "polars_business is neither a package of this profile nor a file of the release. What you installed with pip "
        "in your lab stays there: ask for the package in the profile. If polars_business.py is yours, add it to the "
        "release's files.",
    ),
    "a question": (
        "input('Which day? ')",
        "StdinNotImplementedError",
        "Nobody is there to answer input() in a run. Make what it asks for a parameter of the notebook.",
    ),
    "a password": (
        "import getpass\ngetpass.getpass()",
        "StdinNotImplementedError",
        "Nobody is there to answer input() in a run. Make what it asks for a parameter of the notebook.",
    ),
}


@pytest.mark.parametrize("what", HINTS)
def test_a_typical_cause_is_told_with_what_to_do(what: str, tmp_path: Path) -> None:
    cell, name, hint = HINTS[what]
    side = claim_of({"reports/x.ipynb": notebook(cell), "tables/lookup.csv": b"a,b\n"})
    error = failure_of(side, tmp_path)
    assert (error["cell"], error["name"], error["hint"]) == (0, name, hint)


def test_a_killed_kernel_is_told_as_out_of_memory(tmp_path: Path) -> None:
    kill = (
        "print('working', flush=True)\nimport os, signal, time\ntime.sleep(0.5)\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    side = claim_of({"x.ipynb": notebook("1 + 1", kill, "2 + 2")})
    error = failure_of(side, tmp_path)
    assert (error["cell"], error["name"]) == (1, "KernelDied")
    assert error["message"] == "The kernel was killed, most often because it ran out of memory."
    assert error["hint"] == "Work on less data at once, or use a profile with more memory."
    assert side.printed(1) == "working\n"
    assert '<section id="cell-1" class="ny-cell ny-failed">' in side.outputs["notebook.html"]
    assert '<section id="cell-2" class="ny-cell ny-waiting">' in side.outputs["notebook.html"]


def test_a_kernel_that_ends_by_itself_is_told_with_its_last_words(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook("import os\nos.write(2, b'the last words')\nos._exit(7)")})
    error = failure_of(side, tmp_path)
    assert error["message"] == "The kernel ended by itself with exit code 7."
    assert error["cell"] == 0


def test_a_kernel_that_does_not_start_is_told_with_what_it_said(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook("1"), "noteyard_lab.py": b"raise SystemExit('no kernel today')"})
    error = failure_of(side, tmp_path)
    assert (error["cell"], error["message"]) == (None, "The kernel ended by itself with exit code 1.")
    assert error["traceback"] == "no kernel today"
    assert '"outputs"' in side.outputs["notebook.ipynb"]


def test_an_unknown_kernel_is_named_with_those_there_are(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook("1").replace(b'"python"', b'"R"').replace(b'"python3"', b'"ir"')})
    error = failure_of(side, tmp_path)
    assert error["name"] == "KernelMissingError"
    assert error["message"] == "The notebook wants the kernel 'ir', which is not in this profile. It has: python3."


def test_a_parameter_that_does_not_fit_is_named(tmp_path: Path) -> None:
    schema = {"properties": {"day": {"type": "string", "x-type": "date"}}}
    side = claim_of({"x.ipynb": notebook(code("day = None", "parameters"))}, parameters={"day": "soon"}, schema=schema)
    error = failure_of(side, tmp_path)
    assert error["message"] == "The parameter day can't be 'soon': Invalid isoformat string: 'soon'"


def test_a_release_that_is_no_notebook_is_named(tmp_path: Path) -> None:
    error = failure_of(claim_of({"x.ipynb": b"not a notebook"}), tmp_path)
    assert error["message"].startswith("x.ipynb can't be read as a notebook:")


def test_a_file_with_another_content_than_stored_is_refused(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook("1"), "data.txt": b"as stored"})
    side.contents = {digest: content.replace(b"stored", b"broken") for digest, content in side.contents.items()}
    error = failure_of(side, tmp_path)
    assert error["message"] == (
        "The release's file 'data.txt' does not have the content it was stored with: its digest differs. "
        "Make the release again from the notebook."
    )


@pytest.mark.parametrize("path", ["../outside.txt", "/etc/outside.txt", "a/../../outside.txt", "a\\b.txt", ""])
def test_a_path_that_leads_out_of_the_release_is_refused(path: str, tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook("1"), path: b"outside"})
    error = failure_of(side, tmp_path)
    assert error["message"] == f"The release has a file at {path!r}, which is not a path inside the release."
    assert not list(tmp_path.rglob("outside.txt"))


def test_an_attempt_that_is_taken_already_is_left_alone(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook("print('executed')")})
    side.claimed_by = "another worker's"
    with served(side), worker(side, tmp_path) as second:
        assert second.wait() == 3
    assert side.finished is None
    assert not side.progress
    assert list(second.folder.iterdir()) == []
