"""Supervision with a real supervisord and small real parts."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import psutil
import pytest
from noteyard.backends.local import started
from noteyard.backends.local.health import answers
from noteyard.backends.local.starting import AlreadyRunning
from noteyard.backends.local.stopping import stop_everything
from noteyard.errors import NoteyardError

from tests.support.supervised import Installation, failing
from tests.support.waiting import until


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation.of(tmp_path / "a folder with spaces, 100% ünusual" / ("deep" * 20))
    yield installation
    installation.stop()


def test_parts_start_answer_and_stop(installation: Installation) -> None:
    process = installation.start()
    assert {state.name: state.up for state in installation.client.states()} == {
        "api": True,
        "hub": True,
        "restarter": True,
    }
    assert all(answers(installation.instance.internal_url(name) + "/") for name in ("api", "hub"))
    assert "GET" in (installation.instance.logs / "api.log").read_text()
    assert installation.stop()
    assert process.wait(5) is not None
    assert installation.processes() == []
    assert not installation.stop()


def test_a_killed_part_is_back_by_itself(installation: Installation) -> None:
    installation.start()
    until(lambda: installation.part("api").state == "RUNNING", 30)
    killed = installation.kill("api")
    url = installation.instance.internal_url("api") + "/"
    until(lambda: installation.part("api").pid not in (0, killed) and answers(url), 30)
    assert installation.part("api").starts == 2
    assert installation.part("hub").starts == 1


def fail_then_stay(tmp_path: Path, failures: int) -> Installation:
    tries = tmp_path / "tries"
    return Installation.of(tmp_path / "state", lambda settings, instance: [failing("api", tries, failures)])


def test_a_part_that_fails_to_start_is_tried_again(tmp_path: Path) -> None:
    installation = fail_then_stay(tmp_path, 3)
    try:
        installation.start()
        until(lambda: installation.part("api").state == "RUNNING", 60)
        assert (tmp_path / "tries").read_text() == "4"
        assert "api failed to start, 3 times in a row" in (installation.instance.logs / "restarter.log").read_text()
    finally:
        installation.stop()


@pytest.mark.slow
def test_a_part_that_fails_fifty_times_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("noteyard.backends.local.supervisor.MOST_SECONDS", 0.5)
    installation = fail_then_stay(tmp_path, 50)
    try:
        installation.start()
        until(lambda: installation.part("api").state == "RUNNING", 900)
        assert (tmp_path / "tries").read_text() == "51"
    finally:
        installation.stop()


def test_a_killed_restarter_misses_nothing(tmp_path: Path) -> None:
    installation = fail_then_stay(tmp_path, 3)
    try:
        installation.start()
        until(lambda: installation.part("api").state == "FATAL", 30)
        installation.kill("restarter")
        until(lambda: installation.part("api").state == "RUNNING", 60)
    finally:
        installation.stop()


def test_parts_do_not_outlive_a_killed_supervisor(installation: Installation) -> None:
    process = installation.start()
    pids = [state.pid for state in installation.client.states()]
    process.kill()
    process.wait()
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids), 5)
    again = installation.start()
    assert installation.client.pid() == again.pid


def test_files_that_a_power_cut_left_empty_are_written_anew(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    process = installation.start()
    process.kill()
    process.wait()
    run = installation.instance.run
    emptied = [run / "started.json", run / "ports.json", run / "parts" / "api.process", run / "parts" / "hub.process"]
    for path in emptied:
        path.write_text("")
    assert started.read(installation.settings.state) is None
    installation.start()
    assert all(path.read_text() for path in emptied)
    assert all(f"{path} can't be understood, and counts as missing: " in caplog.text for path in emptied)


def test_the_supervisor_is_started_again_while_up_is_there(installation: Installation) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.support.supervised import *\n"
        "installation = Installation.of(Path(sys.argv[1]))\n"
        "starting = Starting(installation.settings, servers, {}, print)\n"
        "process = starting.start()\n"
        "Path(sys.argv[1], 'up').touch()\n"
        "starting.keep(process)"
    )
    state = installation.settings.state
    up = subprocess.Popen([sys.executable, "-c", code, str(state)], cwd=Path(__file__).parents[2])
    until((state / "up").exists, 30)
    first = installation.client.pid()
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: installation.client.pid() not in (None, first), 30)
    installation.stop()
    assert up.wait(15) == 0


def test_a_second_up_names_the_address(installation: Installation) -> None:
    installation.start()
    with pytest.raises(AlreadyRunning) as refusal:
        installation.start()
    assert refusal.value.message == (
        f"Noteyard is already running at http://localhost:{installation.settings.port} "
        f"(state folder {installation.settings.state})."
    )


def test_two_installations_side_by_side(tmp_path: Path) -> None:
    one, two = Installation.of(tmp_path / "one"), Installation.of(tmp_path / "two")
    try:
        one.start()
        two.start()
        assert set(one.instance.ports().values()).isdisjoint(two.instance.ports().values())
        one.stop()
        assert one.processes() == []
        assert answers(two.instance.internal_url("api") + "/")
    finally:
        one.stop()
        two.stop()


def test_a_busy_port_is_named_with_the_option(installation: Installation) -> None:
    port = installation.settings.port
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        with pytest.raises(NoteyardError) as refusal:
            installation.start()
    assert refusal.value.message == f"Port {port} on 127.0.0.1 is in use by another program."
    assert "--port" in (refusal.value.hint or "")


def test_a_part_that_never_gets_well_is_named_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("noteyard.backends.local.supervisor.MOST_SECONDS", 0.5)
    broken = replace(failing("hub", tmp_path / "tries", 1000), healthy="tcp://127.0.0.1:1")
    installation = Installation.of(tmp_path / "state", lambda settings, instance: [broken])
    with pytest.raises(NoteyardError, match=r"hub did not get ready\. The last line of hub's log: try [56] fails"):
        installation.start()
    assert installation.processes() == []
    assert started.read(installation.settings.state) is None


LAB = """
import signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True)
time.sleep(3600)
"""
STUBBORN = """
import signal, pathlib
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path("up").touch()
signal.pause()
"""
WORKER = """
import pathlib, signal, sys, urllib.request
def save(*_):
    urllib.request.urlopen(API + "/saved").read()
    pathlib.Path("saved").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, save)
pathlib.Path("up").touch()
while True:
    signal.pause()
"""


def test_stopping_lets_workers_save_while_the_api_is_there(installation: Installation) -> None:
    installation.start()
    instance = installation.instance
    work = instance.work("r1.1")
    instance.folder("attempts", "r1.1")
    # Without the mark, since the kernel hides a worker's environment: found by its argv.
    argv = ["noteyard_lab.worker", "--attempt", "r1.1"]
    code = WORKER.replace("API", repr(instance.internal_url("api")))
    worker = subprocess.Popen([sys.executable, "-c", code, *argv], cwd=work, start_new_session=True)
    environment = {**os.environ, "NOTEYARD_INSTANCE": str(instance.state)}
    lab = subprocess.Popen([sys.executable, "-c", LAB], env=environment, start_new_session=True)
    stranger = subprocess.Popen([sys.executable, "-c", LAB], start_new_session=True)
    try:
        until((work / "up").exists, 30)
        until(lambda: len(psutil.Process(lab.pid).children()) == 1, 30)
        kernel = psutil.Process(lab.pid).children()[0]
        until(lambda: len(psutil.Process(stranger.pid).children()) == 1, 30)
        installation.stop()
        assert (work / "saved").exists()
        assert worker.wait(1) == 0
        assert lab.wait(1) is not None
        assert kernel.pid not in {process.pid for process in psutil.process_iter() if process.status() != "zombie"}
        assert stranger.poll() is None
    finally:
        for process in (*psutil.Process(stranger.pid).children(recursive=True), stranger):
            process.kill()
        stranger.wait()


def test_what_ignores_sigterm_is_killed(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("noteyard.backends.local.stopping.SAVING_SECONDS", 1.0)
    installation.start()
    work = installation.instance.work("stubborn")
    environment = {**os.environ, "NOTEYARD_INSTANCE": str(installation.settings.state)}
    stubborn = subprocess.Popen([sys.executable, "-c", STUBBORN], env=environment, cwd=work)
    until((work / "up").exists, 30)
    installation.stop()
    assert stubborn.wait(1) is not None
    assert installation.processes() == []


class Hurry(Event):
    """Counts how often it was waited on when it was set already."""

    waits = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.waits += self.is_set()
        return super().wait(timeout)


def test_a_second_ctrl_c_does_not_wait_for_saving(installation: Installation) -> None:
    installation.start()
    work = installation.instance.work("stubborn")
    environment = {**os.environ, "NOTEYARD_INSTANCE": str(installation.settings.state)}
    stubborn = subprocess.Popen([sys.executable, "-c", STUBBORN], env=environment, cwd=work)
    until((work / "up").exists, 30)
    hurry = Hurry()

    def say(text: str) -> None:
        assert text == "Stopping labs, runs and dashboards (1 of them) …"
        hurry.set()

    assert stop_everything(installation.instance, say, hurry)
    assert hurry.waits == 0
    assert stubborn.wait(1) == -signal.SIGKILL
    assert installation.processes() == []
