"""`yard run`: from a notebook on this computer to a run that ends, and the exit codes that tell how."""

import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.yard_server import running
from tests.integration.yard_state import HOLD, YardServer
from tests.integration.yard_tool import LAB_PYTHON, YARD, plain_environment, write_notebook, yard

PARAMETERS = """
from datetime import date
from typing import Literal
day: date = date(2026, 1, 1)  # the day to look at
count: int = 3
share: float = 0.5
quick: bool = False
town: Literal["Rome", "Oslo"] = "Rome"
names: list[str] = []
"""


@pytest.fixture
def server() -> Iterator[YardServer]:
    with running(YardServer()) as server:
        server.events = server.goes("succeeded")
        yield server


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    (tmp_path / "tools.py").write_text("import helpers\n")
    (tmp_path / "helpers.py").write_text("")
    (tmp_path / "unused.py").write_text("")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "größe 1.csv").write_text("a,b\n")
    return write_notebook(tmp_path / "report.ipynb", "import tools", "print(day)", parameters=PARAMETERS)


def test_run_sends_the_notebook_what_it_imports_and_what_is_listed(server: YardServer, notebook: Path) -> None:
    done = yard(
        "run", "report.ipynb", "--files", "data/*.csv", environment=server.environment(), folder=notebook.parent
    )
    assert (done.returncode, done.stdout) == (0, "r1\n"), done.stderr
    assert sorted(server.contents) == ["data/größe 1.csv", "helpers.py", "report.ipynb", "tools.py"]
    assert "computed here" not in server.contents["report.ipynb"].decode()
    assert "computed here" in notebook.read_text()
    assert "4 files, " in done.stderr
    assert f"{server.url}/portal/runs/r1\n" in done.stderr


def test_running_cells_again_makes_no_other_release(server: YardServer, notebook: Path) -> None:
    yard("run", "report.ipynb", environment=server.environment(), folder=notebook.parent)
    document = json.loads(notebook.read_text())
    document["cells"][1] |= {"execution_count": 99, "outputs": []}
    document["metadata"]["widgets"] = {"state": {}}
    notebook.write_text(json.dumps(document, indent=4))
    yard("run", "report.ipynb", environment=server.environment(), folder=notebook.parent)
    assert (len(server.runs), len(server.releases)) == (2, 1)


def test_values_are_read_by_the_types_that_the_notebook_declares(server: YardServer, notebook: Path) -> None:
    texts = ["day=2026-11-22", "count=7", "share=0.25", "quick=yes", "town=oslo", "names=a=b", "names=c"]
    options = [part for text in texts for part in ("-p", text)]
    done = yard("run", "report.ipynb", *options, environment=server.environment(), folder=notebook.parent)
    # A choice in other letters than its own is left for the check to refuse.
    assert done.returncode == 1
    assert "town: " in done.stderr
    options[options.index("town=oslo")] = "town=Oslo"
    done = yard("run", "report.ipynb", *options, environment=server.environment(), folder=notebook.parent)
    assert done.returncode == 0, done.stderr
    expected = {"day": "2026-11-22", "count": 7, "share": 0.25, "quick": True, "town": "Oslo", "names": ["a=b", "c"]}
    assert server.runs["r1"]["parameters"] == expected


def test_all_refused_values_are_named_with_their_fields(server: YardServer, notebook: Path) -> None:
    arguments = ("run", "report.ipynb", "-p", "day=tomorrow", "-p", "counts=3")
    done = yard(*arguments, environment=server.environment(), folder=notebook.parent)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[1] == "✗ Some values can't be used:"
    assert sorted(line.split(":")[0] for line in lines[2:]) == ["  counts", "  day"]
    assert "Traceback" not in done.stderr
    done = yard(*arguments, "--json", environment=server.environment(), folder=notebook.parent)
    assert (done.returncode, done.stdout) == (1, "")
    assert {item["field"] for item in json.loads(done.stderr)["fields"]} == {"day", "counts"}
    assert not server.runs


def test_options_of_the_run_are_sent(server: YardServer, notebook: Path) -> None:
    arguments = ("run", "report.ipynb", "--timeout", "20m", "--retries", "2", "--profile", "large", "--json")
    done = yard(*arguments, environment=server.environment(), folder=notebook.parent)
    assert done.stderr == ""
    run = json.loads(done.stdout)
    assert (run["timeout"], run["retries"], run["id"]) == (1200, 2, "r1")
    [release] = server.releases.values()
    assert (release["profile"], release["environment_digest"]) == ("large", None)


def test_a_lab_needs_no_set_up_and_tells_its_environment(server: YardServer, notebook: Path) -> None:
    lab = {"NOTEYARD_URL": server.url, "JUPYTERHUB_API_TOKEN": "secret-token-of-ada", "NOTEYARD_PROFILE": "standard"}
    done = yard("run", "report.ipynb", environment=lab, folder=notebook.parent)
    assert done.returncode == 0, done.stderr
    program = "from noteyard_lab.collect import environment_digest as digest; print(digest())"
    digest = subprocess.run([LAB_PYTHON, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    [release] = server.releases.values()
    assert (release["profile"], release["environment_digest"]) == ("standard", digest)


def test_waiting_tells_every_state_and_succeeds(server: YardServer, notebook: Path) -> None:
    done = yard("run", "report.ipynb", "--wait", environment=server.environment(), folder=notebook.parent)
    assert done.returncode == 0, done.stderr
    assert "report.ipynb: running\nreport.ipynb: succeeded\n" in done.stderr
    assert done.stdout.startswith("succeeded after 1 min 15 s  http")


def test_waiting_with_json_prints_the_run_as_it_ended(server: YardServer, notebook: Path) -> None:
    done = yard("run", "report.ipynb", "--wait", "--json", environment=server.environment(), folder=notebook.parent)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["state"] == "succeeded"


@pytest.mark.parametrize(
    ("state", "code"), [("failed", 3), ("cancelled", 4), ("timed out", 5), ("lost", 6), ("interrupted", 6)]
)
def test_the_exit_code_tells_how_the_run_ended(server: YardServer, notebook: Path, state: str, code: int) -> None:
    server.events = server.goes(state)
    done = yard("run", "report.ipynb", "--wait", environment=server.environment(), folder=notebook.parent)
    assert done.returncode == code
    assert done.stdout.startswith(state)


def test_a_failure_is_told_with_cell_message_hint_and_traceback(server: YardServer, notebook: Path) -> None:
    error = {
        "cell": 1,
        "name": "FileNotFoundError",
        "message": "[Errno 2] No such file: 'x.csv'",
        "traceback": "\n".join(f"line {number}" for number in range(30)) + "\n\x1b]0;owned\x07last",
        "hint": "Add it with --files x.csv.",
    }
    server.events = server.goes("failed", error=error)
    done = yard("run", "report.ipynb", "--wait", environment=server.environment(), folder=notebook.parent)
    assert "cell 2: FileNotFoundError: [Errno 2] No such file: 'x.csv'\n  → Add it with --files x.csv.\n" in done.stdout
    assert "… 11 lines before these" in done.stdout
    assert "line 10\n" not in done.stdout
    assert "line 11\n" in done.stdout
    assert "\x1b" not in done.stdout


@contextmanager
def watching(notebook: Path, environment: dict[str, str], **options: Any) -> Iterator["subprocess.Popen[Any]"]:
    """`yard run --wait`, ended with the block: a failed test must not wait for a run that goes on."""
    process = subprocess.Popen([YARD, "run", notebook, "--wait"], env=environment, stdout=subprocess.PIPE, **options)
    with process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def test_ctrl_c_ends_yard_and_not_the_run(server: YardServer, notebook: Path) -> None:
    server.events = [*server.goes("succeeded")[:4], HOLD, *server.goes("succeeded")[4:]]
    environment = {**plain_environment(notebook.parent), **server.environment()}
    with watching(notebook, environment, stderr=subprocess.PIPE, text=True) as process:
        assert server.holding.wait(30)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, "")
    assert "yard stopped watching; the run goes on. To end it: yard cancel r1" in err
    assert "Traceback" not in err
    assert ("POST", "/api/v1/runs/r1/cancel") not in server.requests


def test_on_a_terminal_a_bar_shows_the_cells(server: YardServer, notebook: Path) -> None:
    server.events = [*server.goes("succeeded")[:5], HOLD, *server.goes("succeeded")[5:]]
    environment = {**plain_environment(notebook.parent), **server.environment(), "TERM": "xterm-256color"}
    own, theirs = pty.openpty()
    with watching(notebook, environment, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while b"1/2" not in shown:
            shown += os.read(own, 65536)
        server.go_on.set()
        out, _ = process.communicate(timeout=20)
    os.close(own)
    assert process.returncode == 0
    assert b"running" in shown
    assert out.decode().startswith("succeeded")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("missing.ipynb",), "There is no notebook 'missing.ipynb'."),
        (("tools.py",), "tools.py is not a notebook: it is not JSON"),
        (("report.ipynb", "--files", "*.parquet"), "No file matches '*.parquet' in "),
        (("report.ipynb", "--files", "../*.csv"), "choose a folder above it with --root"),
        (("report.ipynb", "--root", "data"), "is not inside the root 'data'"),
    ],
)
def test_files_that_cannot_be_sent(server: YardServer, notebook: Path, arguments: tuple[str, ...], words: str) -> None:
    done = yard("run", *arguments, environment=server.environment(), folder=notebook.parent)
    assert done.returncode == 1
    assert words in done.stderr
    assert not server.releases


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("report.ipynb", "-p", "day"), "-p 'day' is not NAME=VALUE."),
        (("report.ipynb", "--timeout", "soon"), "--timeout 'soon' is not a time."),
        (("report.ipynb", "--files", "a.csv", "b.csv"), "Put patterns in quotes"),
        (("report.ipynb", "--colour"), "No such option"),
        ((), "Missing argument"),
    ],
)
def test_wrong_command_lines(server: YardServer, notebook: Path, arguments: tuple[str, ...], words: str) -> None:
    done = yard("run", *arguments, environment=server.environment(), folder=notebook.parent)
    assert done.returncode == 2
    assert words in done.stderr
    assert not server.requests
