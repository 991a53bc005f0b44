"""`noteyard up`, `status`, `logs`, `token`, `down` with all real parts."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from noteyard.backends.local.instance_processes import find
from noteyard.instance import PARTS

from tests.support.command import NOTEYARD, environment, noteyard
from tests.support.ports import free_port
from tests.support.waiting import until

PASSWORD = re.compile(r"Log in as +admin\n +password +(\S{17})\n")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "state"
    noteyard(tmp_path / "state", "down")


def status(state: Path, code: int = 0) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(noteyard(state, "status", "--json", code=code))
    return content


def parts(state: Path) -> dict[str, Any]:
    done = subprocess.run([NOTEYARD, "status", "--json"], env=environment(state), capture_output=True, check=False)
    return {part["name"]: part for part in json.loads(done.stdout)["parts"]}


def test_a_whole_life(state: Path, tmp_path: Path) -> None:
    port = free_port()
    first = noteyard(state, "up", "--detach", "--port", str(port))
    url = f"http://localhost:{port}"
    assert f"Noteyard is running at {url}\n" in first
    match = PASSWORD.search(first)
    assert match is not None, first
    kept = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert match[1].encode() not in kept

    told = status(state)
    assert told["url"] == url and {part["name"] for part in told["parts"]} == set(PARTS)
    assert all(part["state"] == "running" and part["restarts"] == 0 for part in told["parts"])
    for part in told["parts"]:
        assert "\n# TYPE " in httpx.get(part["metrics"]).text, part
    assert noteyard(state, "up", "--detach").endswith(f"already running at {url} (state folder {state}).\n")
    assert "already running" in noteyard(state, "up", code=1)

    noteyard(state, "user", "add", "ada")
    token = noteyard(state, "token", "ada", "--scope", "write", "--note", "CI").strip()
    me = httpx.get(
        f"http://127.0.0.1:{port}/api/v1/me", headers={"Host": f"localhost:{port}", "Authorization": f"Bearer {token}"}
    )
    assert me.status_code == 200 and me.json()["name"] == "ada" and set(me.json()["scopes"]) == {"read", "write"}
    assert "there is no scope 'tokens'; there are read, write, admin" in noteyard(
        state, "token", "ada", "--scope", "tokens", code=1
    )
    assert "does not know 'ada' as an administrator" in noteyard(state, "token", "ada", "--scope", "admin", code=1)
    assert noteyard(state, "logs", "api", "-n", "3").count("\n") == 3
    assert "There is no log of a part named 'apx'" in noteyard(state, "logs", "apx", code=1)
    assert "Noteyard is running" in noteyard(state, "restore", str(tmp_path / "any"), code=1)

    noteyard(state, "backup", str(tmp_path / "backup.tar.gz"))
    assert noteyard(state, "down").endswith("Noteyard has stopped.\n")
    assert find(state) == []
    assert status(state, code=3)["running"] is False
    restored = tmp_path / "restored"
    noteyard(restored, "restore", str(tmp_path / "backup.tar.gz"))
    assert "ada" in noteyard(restored, "user", "list")
    again = noteyard(state, "up", "--detach", "--port", str(port))
    assert PASSWORD.search(again) is None


@pytest.mark.faults
def test_every_part_is_back_after_sigkill(state: Path) -> None:
    noteyard(state, "up", "--detach", "--port", str(free_port()))
    until(lambda: all(part["state"] == "running" for part in parts(state).values()), 60)
    for name in PARTS:
        pid = json.loads((state / "run" / "parts" / f"{name}.process").read_text())["pid"]
        os.kill(pid, signal.SIGKILL)
    until(lambda: [part["restarts"] for part in parts(state).values()] == [1] * len(PARTS), 60)
    until(lambda: all(part["state"] == "running" for part in parts(state).values()), 90)
    assert status(state)["running"] is True


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_in_the_foreground(state: Path, number: signal.Signals) -> None:
    log = state.with_name("up.log")
    with log.open("w") as output:
        up = subprocess.Popen(
            [NOTEYARD, "up", "--port", str(free_port())],
            env=environment(state),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    until(lambda: "Stop it with Ctrl-C." in log.read_text(), 120, "the end of the start")
    assert PASSWORD.search(log.read_text())
    up.send_signal(number)
    assert up.wait(60) == 0
    assert log.read_text().endswith("Noteyard has stopped.\n")
    assert find(state) == []


@pytest.mark.faults
def test_up_killed_then_down(state: Path) -> None:
    log = state.with_name("up.log")
    with log.open("w") as output:
        up = subprocess.Popen([NOTEYARD, "up", "--port", str(free_port())], env=environment(state), stdout=output)
    until(lambda: "Stop it with Ctrl-C." in log.read_text(), 120, "the end of the start")
    up.kill()
    up.wait()
    assert status(state)["running"] is True
    assert "already running" in noteyard(state, "up", code=1)
    assert noteyard(state, "down").endswith("Noteyard has stopped.\n")
    assert find(state) == []


@contextmanager
def _ended_in_the_end(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    """Popen's own context waits for the process, without end when an assertion failed before its end was asked for."""
    with process:
        try:
            yield process
        finally:
            process.kill()


def test_a_state_folder_that_can_not_be_made_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = noteyard(tmp_path / "file" / "state", "up", code=1)
    assert (
        f"{tmp_path}/file/state/secrets can't be used: not a directory. There is a file where a folder is needed"
        in said
    )


def test_following_logs(state: Path) -> None:
    (state / "logs").mkdir(parents=True)
    log = state / "logs" / "api.log"
    log.write_text("one\ntwo\n")
    with _ended_in_the_end(
        subprocess.Popen(
            [NOTEYARD, "logs", "api", "--follow", "-n", "1"], env=environment(state), stdout=subprocess.PIPE, text=True
        )
    ) as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline() == "two\n"
        with log.open("a") as file:
            file.write("three\nfo")
        assert follower.stdout.readline() == "three\n"
        with log.open("a") as file:
            file.write("ur\n")
        log.rename(log.with_name("api.log.1"))
        log.write_text("five\n")
        assert [follower.stdout.readline() for _ in range(2)] == ["four\n", "five\n"]
        follower.send_signal(signal.SIGINT)
        assert follower.wait(10) == 0
