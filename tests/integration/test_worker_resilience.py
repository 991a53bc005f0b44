"""Runs under hard conditions: much output, a hub side that comes and goes, a worker that vanishes."""

import json
from pathlib import Path

from tests.support.waiting import until
from tests.support.worker_side import claim_of, notebook, run, served, worker

LINES = "for i in range(200_000):\n    print('line', i)"
BULK = "import sys\nfor i in range(30):\n    sys.stdout.write('x' * 999_999 + '\\n')\nsys.stdout.write('the end')"
SHOWN = "from IPython.display import display\nfor i in range(2_000):\n    display(i)"
LONG_RESULT = "'y' * 3_000_000"
PROGRESS = "import sys, time\nfor i in range(101):\n    sys.stderr.write(f'\\r{i} %')\n    sys.stderr.flush()"


def test_much_output_drowns_neither_log_nor_notebook_nor_page(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook(LINES, BULK, SHOWN, LONG_RESULT, PROGRESS, "print('last')")})
    assert run(side, tmp_path, seconds=240) == 0
    assert side.finished is not None
    assert side.finished["outcome"] == "succeeded"
    assert len(side.log) < 110_000
    assert side.log.startswith("line 0\nline 1\n")
    limit = "… the log is at its limit: of what is printed from here on, the end follows when the run ends …"
    assert limit in side.log
    assert side.log.endswith("100 %\nlast\n")
    assert len(side.outputs["notebook.ipynb"]) < 600_000
    assert len(side.outputs["notebook.html"]) < 900_000
    lines = side.printed(0)
    assert lines.startswith("line 0\nline 1\n")
    assert lines.endswith("line 199999\n")
    assert len(lines) < 51_000
    note = "".join(side.cells[0]["outputs"][1]["data"]["text/plain"])
    assert note.startswith("… 2.2 MB of printed text (19")
    assert note.endswith("left out here: a run keeps the beginning and the end …")
    assert side.printed(1).endswith("the end")
    assert len(side.printed(1)) < 51_000
    shown = side.cells[2]["outputs"]
    assert len(shown) == 251
    left_out = "".join(shown[200]["data"]["text/plain"])
    assert left_out == "… 1,750 outputs left out here: a run keeps the beginning and the end …"
    assert shown[-1]["data"]["text/plain"] == ["1999"]
    assert len("".join(side.cells[3]["outputs"][0]["data"]["text/plain"])) < 51_000
    assert side.printed(4) == "100 %"


def test_a_hub_side_that_is_away_for_a_while_misses_nothing(tmp_path: Path) -> None:
    cells = ["print('one', flush=True)", "import time\ntime.sleep(3)", "print('two')"]
    side = claim_of({"x.ipynb": notebook(*cells)})
    with served(side), worker(side, tmp_path) as running:
        running.until_logged("one")
        side.away.set()
        until(lambda: side.dropped >= 4, 30, "the worker asking again and again")
        said = len(side.progress)
        assert running.process.poll() is None
        side.away.clear()
        until(lambda: len(side.progress) > said, 30, "progress after the outage")
        assert running.wait() == 0
    assert side.log == "one\ntwo\n"
    assert side.finished is not None
    assert side.finished["outcome"] == "succeeded"


def test_an_answer_to_the_claim_that_is_lost_is_asked_for_again(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook("print('fine')")})
    side.loses_answer_to = "/claim"
    assert run(side, tmp_path) == 0
    assert side.claims == 2
    assert side.finished is not None
    assert side.finished["outcome"] == "succeeded"
    assert side.log == "fine\n"


def test_a_hub_side_in_trouble_is_asked_again(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook("print('fine')")})
    side.answers = {"/claim": 503}
    with served(side), worker(side, tmp_path) as running:
        assert running.process.poll() is None
        side.answers = {"/notebook.html": 500}
        until(lambda: "notebook.ipynb" in side.outputs, 30, "the stored notebook")
        side.answers = {}
        assert running.wait() == 0
    assert side.finished is not None
    assert side.finished["outcome"] == "succeeded"
    assert "fine" in side.outputs["notebook.html"]


def test_the_notebook_is_stored_while_it_runs(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook("print('so far', flush=True)", "import time\ntime.sleep(600)", "1")})
    with served(side), worker(side, tmp_path) as running:
        until(lambda: "notebook.html" in side.outputs, 40, "the page of the partial notebook")
        running.process.kill()
        running.process.wait()
    assert side.printed(0) == "so far\n"
    assert json.loads(side.outputs["notebook.ipynb"])["cells"][2]["metadata"]["papermill"]["status"] == "pending"
    assert "so far" in side.outputs["notebook.html"]


def test_progress_tells_the_cell_and_comes_at_least_every_five_seconds(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook("1", "import time\ntime.sleep(7)", "2")})
    assert run(side, tmp_path) == 0
    seen = [(said["cell"], said["cells_done"], said["cells"]) for said in side.progress]
    assert (1, 1, 3) in seen
    assert seen.count((1, 1, 3)) >= 2
    assert seen[-1] == (None, 3, 3)


def test_outputs_that_are_too_large_are_left_out_with_a_note(tmp_path: Path) -> None:
    cell = "from IPython.display import HTML, display\ndisplay(HTML('z' * 17_000_000))\ndisplay(HTML('small'))"
    animation = (
        "from IPython.display import HTML, clear_output, display\n"
        "for i in range(7):\n    clear_output(wait=True)\n    display(HTML('a' * 10_000_000 + str(i)))"
    )
    many = "for i in range(7):\n    display(HTML('b' * 10_000_000))"
    side = claim_of({"x.ipynb": notebook(cell, animation, many)})
    assert run(side, tmp_path, seconds=120) == 0
    first, second = side.cells[0]["outputs"]
    assert "".join(first["data"]["text/plain"]) == (
        "… an output of 17.0 MB (text/html) was left out: it is more than a run keeps. "
        "Save it to a file on S3 instead …"
    )
    assert second["data"]["text/html"] == ["small"]
    assert "".join(side.cells[1]["outputs"][0]["data"]["text/html"]).endswith("a6")
    assert ["text/html" in output["data"] for output in side.cells[2]["outputs"]] == [True] * 6 + [False]


def test_a_hub_side_that_refuses_the_outputs_learns_how_the_run_ended(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook("1")})
    side.answers = {"/notebook.ipynb": 413}
    with served(side), worker(side, tmp_path) as running:
        assert running.wait() == 0
    assert side.finished is not None
    assert side.finished["outcome"] == "succeeded"
    assert "The output notebook could not be kept: PUT /attempts/" in side.log
    assert "was answered 413: as the test wants it" in side.log


def test_a_display_is_updated_in_place(tmp_path: Path) -> None:
    cell = (
        "from IPython.display import display\nimport ipywidgets\nshown = display('before', display_id=True)\n"
        "print('between')\nshown.update('after')\nout = ipywidgets.Output()\ndisplay(out)\nwith out:\n"
        "    print('x' * 300_000)\n    print('never kept')"
    )
    side = claim_of({"x.ipynb": notebook(cell, "shown.update('later still')")})
    assert run(side, tmp_path) == 0
    outputs = side.cells[0]["outputs"]
    assert outputs[0]["data"]["text/plain"] == ["'later still'"]
    assert outputs[1]["text"] == ["between\n"]
    states = json.loads(side.outputs["notebook.ipynb"])["metadata"]["widgets"]
    captured = json.dumps(states)
    assert "more was printed here: a run keeps the beginning" in captured
    assert "never kept" not in captured
