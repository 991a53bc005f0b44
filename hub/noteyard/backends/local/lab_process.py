"""A lab's processes: started apart from the hub, so that they outlive it, found again by mark, ended to the last."""

import os
import resource
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from noteyard.backends.local.lab_environment import MARK
from noteyard.backends.local.lab_log import open_log
from noteyard.backends.local.processes import (
    Process,
    ProcessId,
    environment,
    kill_all,
    processes,
    send,
    wait_ended,
    with_descendants,
)
from noteyard.backends.local.spare_labs import ARGV, hand_over
from noteyard.instance import Instance

GRACE_SECONDS = 10.0
KILL_SECONDS = 5.0


def start(
    environment: Path,
    arguments: Sequence[str],
    variables: Mapping[str, str],
    log: Path,
    memory: int,
    spare: subprocess.Popen[bytes] | None,
) -> subprocess.Popen[bytes]:
    """Start a lab in its HOME, or let a spare be it, its output going to `log` (the last start's is kept as `….1`).

    `memory` is what each of its processes may allocate in bytes; 0: no limit.
    """
    descriptor = open_log(log)
    try:
        if spare is not None:
            _limit(spare, memory)
            if hand_over(spare, variables, arguments, log):
                return spare
        process = subprocess.Popen(
            [str(environment / "bin" / "python"), *ARGV, *arguments],
            cwd=variables["HOME"],
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
    # At once after the start: the lab's Python is not yet up, and all it starts inherits the limit.
    _limit(process, memory)
    return process


def _limit(process: subprocess.Popen[bytes], memory: int) -> None:
    if memory and process.poll() is None:
        resource.prlimit(process.pid, resource.RLIMIT_DATA, (memory, memory))


def identify(pid: int) -> ProcessId | None:
    """The process's identity; None when it is gone."""
    found = processes().get(pid)
    return found.id if found else None


def is_alive(id: ProcessId) -> bool:
    return not wait_ended([id], 0)


def stop(instance: Instance, person: str, server: ProcessId | None) -> bool:
    """End a person's lab: the server gets GRACE_SECONDS to save and to end its kernels, what is left is killed.

    Everything goes that carries the lab's mark or descends from what does. False when something would not die.
    """
    if server is not None and send(server, signal.SIGTERM):
        wait_ended([server], GRACE_SECONDS)
    return kill_all(lambda: find(instance, person), KILL_SECONDS)


def find(instance: Instance, person: str) -> list[Process]:
    """All living processes of a person's lab."""
    alive = processes()
    marked = [process for process in alive.values() if _is_of(environment(process), instance, person)]
    return with_descendants(marked, alive)


def _is_of(variables: Mapping[str, str], instance: Instance, person: str) -> bool:
    return variables.get(MARK) == person and variables.get("NOTEYARD_INSTANCE") == str(instance.state)
