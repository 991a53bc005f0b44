"""What a worker or a launcher does to its own process: keep its memory private, and end all it ever started."""

from __future__ import annotations

import ctypes
import os
import signal
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import psutil  # type: ignore[import-untyped]

PR_SET_DUMPABLE = 4
PR_SET_CHILD_SUBREAPER = 36
ROUND = 0.2


def shield() -> None:
    """Keep other processes of this user from reading our memory, and adopt descendants that detach.

    A process that is not dumpable cannot be read through /proc or ptrace by people's code, which runs as the same
    user. As a child subreaper it becomes the parent of every orphan below it, so that double forks do not escape.
    Raises OSError when the kernel refuses.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((PR_SET_DUMPABLE, 0), (PR_SET_CHILD_SUBREAPER, 1)):
        if libc.prctl(option, value, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"prctl({option}, {value}) failed")


def descendants() -> list[psutil.Process]:
    """Every living process below this one, however it detached, zombies left out."""
    import psutil

    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def end_descendants(patience: float = 5.0) -> bool:
    """Kill everything below this process and collect it; True when nothing is left within `patience` seconds.

    All are stopped before they are killed: a process that is stopped forks no more, so none slips through.
    """
    import psutil

    deadline = time.monotonic() + patience
    while True:
        living = descendants()
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for child in living:
                try:
                    child.send_signal(number)
                except psutil.NoSuchProcess:
                    continue
        _, left = psutil.wait_procs(living, timeout=min(ROUND, max(0.0, deadline - time.monotonic())))
        collect_orphans()
        if not left and not descendants():
            return True
        if time.monotonic() > deadline:
            return False


def collect_orphans() -> None:
    """Reap every child that has ended, those adopted from others included."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return
        except ChildProcessError:
            return
