"""Runs that are ended from outside: partial outputs are kept, and nothing that the run started lives on."""

import signal
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import until
from tests.support.worker_side import HubSide, claim_of, notebook, served, worker

SLEEP = "print('sleeping', flush=True)\nimport time\ntime.sleep(600)"
STUBBORN = """
import time
print('stubborn', flush=True)
while True:
    try:
        time.sleep(600)
    except KeyboardInterrupt:
        print('not now', flush=True)
"""
DETACH = """
import os, subprocess, sys, time
wait = "import time; time.sleep(600)"
children = [subprocess.Popen([sys.executable, '-c', wait])]
children.append(subprocess.Popen([sys.executable, '-c', wait], start_new_session=True))
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    if (grandchild := os.fork()) == 0:
        os.execv(sys.executable, [sys.executable, '-c', wait])
    os.write(writer, str(grandchild).encode())
    os._exit(0)
detached = int(os.read(reader, 20))
os.wait()
print('children', *(child.pid for child in children), detached, flush=True)
"""


def children_of(side: HubSide) -> list[int]:
    """The processes that the notebook told of."""
    line = next(line for line in side.log.splitlines() if line.startswith("children "))
    return [int(word) for word in line.split()[1:]]


def alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_sigterm_saves_what_there_is(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook("1 + 1", SLEEP, "2 + 2")})
    with served(side), worker(side, tmp_path) as running:
        running.until_logged("sleeping")
        running.terminate()
        assert running.wait() == 143
    assert side.finished == {"outcome": "stopped", "error": None, "cells_done": 1, "cells": 3}
    assert side.printed(1) == "sleeping\n"
    assert side.cells[1]["outputs"][-1]["ename"] == "KeyboardInterrupt"
    assert '<section id="cell-1" class="ny-cell ny-failed">' in side.outputs["notebook.html"]
    assert '<section id="cell-2" class="ny-cell ny-waiting">' in side.outputs["notebook.html"]


def test_the_hub_side_can_ask_for_the_end(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook(SLEEP)})
    with served(side), worker(side, tmp_path) as running:
        running.until_logged("sleeping")
        side.stop = True
        assert running.wait() == 0
    assert side.finished == {"outcome": "stopped", "error": None, "cells_done": 0, "cells": 1}
    assert side.printed(0) == "sleeping\n"


def test_the_time_limit_ends_a_run(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook("1 + 1", SLEEP)}, timeout=8)
    with served(side), worker(side, tmp_path) as running:
        assert running.wait() == 0
    assert side.finished is not None
    assert side.finished["outcome"] == "timed_out"
    error = side.finished["error"]
    assert (error["cell"], error["name"]) == (1, "TimedOut")
    assert error["message"] == "The run took longer than its time limit of 8 seconds."
    assert error["hint"] == "Give it more time, or less to do."
    assert side.printed(1) == "sleeping\n"


def test_a_time_limit_shorter_than_the_start_ends_a_run(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook("print('executed')")}, timeout=0.05)
    with served(side), worker(side, tmp_path) as running:
        assert running.wait() == 0
    assert side.finished is not None
    assert side.finished["outcome"] == "timed_out"
    assert "executed" not in side.log


def test_a_cell_that_ignores_the_interrupt_is_killed_and_kept(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook("'kept'", STUBBORN)})
    with served(side), worker(side, tmp_path) as running:
        running.until_logged("stubborn")
        running.terminate()
        assert running.wait() == 143
    assert "notebook.ipynb" in side.outputs, "its kernel was killed in time for what there is to be saved"
    assert side.finished == {"outcome": "stopped", "error": None, "cells_done": 1, "cells": 2}
    assert side.printed(1).startswith("stubborn\nnot now\n")


def test_a_second_sigterm_ends_at_once(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook(STUBBORN)})
    with served(side), worker(side, tmp_path) as running:
        running.until_logged("stubborn")
        running.terminate()
        running.until_logged("not now")
        running.terminate()
        assert running.wait() == 143
    assert side.finished is not None
    assert (side.finished["outcome"], side.finished["cells"]) == ("stopped", 1)
    assert "notebook.ipynb" not in side.outputs, "it was not waited for the kernel's end, after which it is saved"


@pytest.mark.parametrize("end", ["succeeds", "is stopped", "kills its kernel"])
def test_no_process_of_a_run_lives_on(end: str, tmp_path: Path) -> None:
    last = {
        "succeeds": "print('fine')",
        "is stopped": "time.sleep(600)",
        "kills its kernel": "import signal\nos.kill(os.getpid(), signal.SIGKILL)",
    }[end]
    side = claim_of({"x.ipynb": notebook(DETACH, last)})
    with served(side), worker(side, tmp_path) as running:
        running.until_logged("children ")
        if end == "is stopped":
            assert all(alive(pid) for pid in children_of(side))
            running.terminate()
        assert running.wait() == (143 if end == "is stopped" else 0)
    assert len(children_of(side)) == 3
    assert not [pid for pid in children_of(side) if alive(pid)]
    assert side.finished is not None


def test_sigterm_while_the_hub_side_is_away_at_the_start_ends_quietly(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook("1")})
    side.away.set()
    with served(side), worker(side, tmp_path) as running:
        until(lambda: side.dropped, 20, "the worker's first request")
        running.terminate()
        assert running.wait(10) == 143
    assert side.claims == 0


def test_an_attempt_that_is_not_wanted_any_more_ends_with_all_it_started(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook(DETACH, SLEEP)})
    with served(side), worker(side, tmp_path) as running:
        running.until_logged("sleeping")
        side.answers["/progress"] = 410
        assert running.wait(20) == 3
    assert not [pid for pid in children_of(side) if alive(pid)]
    assert side.finished is None


def test_a_killed_worker_takes_its_kernel_along(tmp_path: Path) -> None:
    side = claim_of({"x.ipynb": notebook(SLEEP.replace("'sleeping'", "'children', __import__('os').getpid()"))})
    with served(side), worker(side, tmp_path) as running:
        running.until_logged("children ")
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
        until(lambda: not alive(children_of(side)[0]), 10, "the kernel's end")
