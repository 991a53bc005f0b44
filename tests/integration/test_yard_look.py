"""`yard runs`, `show`, `logs`, `cancel` and `download`."""

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.yard_server import running
from tests.integration.yard_state import BREAK, CRASH, YardServer
from tests.integration.yard_tool import LAB_PYTHON, YARD, plain_environment, yard

ERROR = {"cell": 4, "name": "ValueError", "message": "[bold]no[/bold]", "traceback": "Traceback …", "hint": "Look."}

FOLLOW = """
from noteyard_lab.yard.api import Access, Api
from noteyard_lab.yard.following import follow
for change in follow(Api(Access.from_environment()), "r1", patience=0):
    print(change.text, end="")
"""


@pytest.fixture
def server() -> Iterator[YardServer]:
    with running(YardServer()) as server:
        yield server


def test_runs_in_the_reader_s_own_time(server: YardServer, tmp_path: Path) -> None:
    server.add_run("r1", state="succeeded", started="2026-07-01T06:00:00Z", ended="2026-07-01T08:05:00Z")
    server.add_run("r2", state="failed", created="2026-07-01T06:00:00Z")
    done = yard("runs", environment=server.environment(), folder=tmp_path)
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["Run", "State", "Notebook", "Owner", "Created", "Took"]
    created = ["2026-11-22", "07:00:00", "CET"]
    assert lines[1] == ["r1", "succeeded", "report.ipynb", "ada", *created, "2", "h", "5", "min"]
    assert lines[2][4:] == ["2026-07-01", "08:00:00", "CEST"]


def test_runs_are_filtered_and_fetched_page_by_page(server: YardServer, tmp_path: Path) -> None:
    for number in range(250):
        server.add_run(f"r{number}", state="failed" if number % 2 else "queued")
    done = yard("runs", "-n", "240", "--json", environment=server.environment(), folder=tmp_path)
    assert [run["id"] for run in json.loads(done.stdout)["items"]] == [f"r{number}" for number in range(240)]
    done = yard("runs", "--state", "failed", "--json", environment=server.environment(), folder=tmp_path)
    assert [run["id"] for run in json.loads(done.stdout)["items"]] == [f"r{number}" for number in range(1, 40, 2)]


def test_no_runs_yet(server: YardServer, tmp_path: Path) -> None:
    done = yard("runs", environment=server.environment(), folder=tmp_path)
    assert done.stdout == "No runs yet. `yard run NOTEBOOK` makes one.\n"


def test_show_tells_a_run_and_its_failure(server: YardServer, tmp_path: Path) -> None:
    server.add_run("r1", state="failed", ended="2026-11-22T07:00:00Z", parameters={"day": "2026-11-21"}, error=ERROR)
    server.outputs = {"notebook.ipynb": b"x" * 2345}
    done = yard("show", "r1", environment=server.environment(), folder=tmp_path)
    assert done.returncode == 0
    assert "  day     2026-11-21\n" in done.stdout
    assert "Ended     2026-11-22 08:00:00 CET\n" in done.stdout
    assert "notebook.ipynb (2.3 kB)" in done.stdout
    assert "cell 5: ValueError: [bold]no[/bold]\n  → Look.\nTraceback …\n" in done.stdout


def test_a_run_that_is_not_there(server: YardServer, tmp_path: Path) -> None:
    for command in ("show", "logs", "cancel", "download"):
        done = yard(command, "../r1", environment=server.environment(), folder=tmp_path)
        assert done.returncode == 1
    done = yard("show", "r1", environment=server.environment(), folder=tmp_path)
    assert done.stderr == "✗ There is no run 'r1'.\n  → See your runs with `yard runs` or in the portal.\n"


def test_logs_come_as_they_were_printed(server: YardServer, tmp_path: Path) -> None:
    server.add_run("r1")
    server.log = "\x1b[31mred\x1b[0m\rgrößer\n"
    done = yard("logs", "r1", environment=server.environment(), folder=tmp_path)
    assert done.stdout == "\x1b[31mred\x1b[0m\ngrößer\n"  # universal newlines read \r as one


def test_on_a_terminal_a_log_commands_nothing(server: YardServer, tmp_path: Path) -> None:
    server.add_run("r1")
    server.log = "\x1b[31mred\x1b[0m \x1b]52;c;ZXZpbA==\x07\x1b[2Jend\n"
    own, theirs = pty.openpty()
    environment = {**plain_environment(tmp_path), **server.environment()}
    subprocess.run([YARD, "logs", "r1"], env=environment, stdout=theirs, check=True, timeout=60)
    os.close(theirs)
    shown = os.read(own, 65536)
    os.close(own)
    assert shown == b"\x1b[31mred\x1b[0m ]52;c;ZXZpbA==[2Jend\r\n"


@pytest.mark.parametrize("broken", [BREAK, CRASH])
def test_a_followed_log_survives_broken_connections(server: YardServer, tmp_path: Path, broken: str) -> None:
    server.add_run("r1")
    steps = server.goes("succeeded")
    server.events = [*steps[:3], broken, *steps[3:5], broken, *steps[5:]]
    done = yard("logs", "r1", "--follow", environment=server.environment(), folder=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "one\ntwo\n", "")
    assert server.followed_from == ["", "3", "6"]


def test_patience_is_counted_from_the_first_failure(server: YardServer, tmp_path: Path) -> None:
    server.add_run("r1")
    steps = server.goes("succeeded")
    # Without any patience there is still a second try each time: the connection before was a good one.
    server.events = [*steps[:3], CRASH, CRASH, *steps[3:]]
    done = subprocess.run(
        [LAB_PYTHON, "-c", FOLLOW],
        env={**plain_environment(tmp_path), **server.environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "one\ntwo\n"), done.stderr
    assert server.followed_from == ["", "3", "4"]


def test_a_log_sent_twice_is_shown_once_and_a_new_attempt_anew(server: YardServer, tmp_path: Path) -> None:
    server.add_run("r1")
    logs = [(1, 0, "one\n"), (1, 0, "one\ntwo\n"), (1, 4, "two\n"), (1, 8, "three\n"), (2, 0, "again\n")]
    server.events = [("log", {"attempt": attempt, "offset": at, "text": text}) for attempt, at, text in logs]
    server.events += [("run", {"state": "failed"}), ("end", {})]
    done = yard("logs", "r1", "-f", environment=server.environment(), folder=tmp_path)
    assert (done.returncode, done.stdout) == (3, "one\ntwo\nthree\nagain\n")


def test_a_followed_log_as_lines_of_json(server: YardServer, tmp_path: Path) -> None:
    server.add_run("r1")
    server.events = server.goes("succeeded")
    done = yard("logs", "r1", "-f", "--json", environment=server.environment(), folder=tmp_path)
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["text"] for event in events if event["event"] == "log"] == ["one\n", "two\n"]
    assert (events[-1]["event"], events[-1]["run"]["state"]) == ("end", "succeeded")


def test_a_reader_who_has_enough_is_no_error(server: YardServer, tmp_path: Path) -> None:
    server.add_run("r1")
    server.log = "line\n" * 200_000
    command = f"'{YARD}' logs r1 | head -1"
    environment = {**plain_environment(tmp_path), **server.environment()}
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("line\n", "")


def test_cancel(server: YardServer, tmp_path: Path) -> None:
    server.add_run("r1", state="running")
    done = yard("cancel", "r1", environment=server.environment(), folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "Run r1 is being stopped.\n")
    assert server.runs["r1"]["stopping"]


def test_download_into_a_new_folder_and_never_over_files(server: YardServer, tmp_path: Path) -> None:
    server.add_run("r1", state="succeeded")
    server.outputs = {"notebook.ipynb": b"{}", "notebook.html": b"<p>" * 100_000}
    done = yard("download", "r1", environment=server.environment(), folder=tmp_path)
    assert done.stdout == "r1/notebook.ipynb  2 B\nr1/notebook.html  300.0 kB\n"
    assert {path.name: path.read_bytes() for path in (tmp_path / "r1").iterdir()} == server.outputs
    done = yard("download", "r1", "-o", "r1", environment=server.environment(), folder=tmp_path)
    assert done.returncode == 1
    assert "r1/notebook.ipynb is there already." in done.stderr
    done = yard("download", "r1", "--force", "--json", environment=server.environment(), folder=tmp_path)
    assert json.loads(done.stdout)["items"][0] == {"path": "r1/notebook.ipynb", "size": 2}


@pytest.mark.parametrize("name", ["../escaped.txt", "/tmp/escaped.txt", ".."])
def test_an_output_s_name_leads_nowhere_else(server: YardServer, tmp_path: Path, name: str) -> None:
    server.add_run("r1")
    server.outputs = {"fine.txt": b"", name: b"owned"}
    done = yard("download", "r1", "-o", "here", environment=server.environment(), folder=tmp_path)
    assert done.returncode == 1
    assert "which is no file name; nothing was written." in done.stderr
    assert not (tmp_path / "here").exists()


def test_a_run_without_outputs(server: YardServer, tmp_path: Path) -> None:
    server.add_run("r1")
    done = yard("download", "r1", environment=server.environment(), folder=tmp_path)
    assert done.returncode == 1
    assert "Run r1 has no outputs." in done.stderr
