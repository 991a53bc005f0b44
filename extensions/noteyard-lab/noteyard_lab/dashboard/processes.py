"""The processes below the launcher: the memory they use, and those that outlived their kernel."""

from __future__ import annotations

import os
from collections.abc import Collection

import psutil  # type: ignore[import-untyped]

from noteyard_lab.dashboard.kernels import SESSION_VARIABLE, kill

PATIENCE = 5.0


def memory_in_use() -> int:
    """Bytes of resident memory of this process and all below it."""
    return _memory_of(psutil.Process())


def end_largest_child() -> bool:
    """Kill the child that uses most memory together with all below it; False when there is none."""
    children = psutil.Process().children()
    if not children:
        return False
    largest = max(children, key=_memory_of)
    family = _family(largest)
    for process in family:
        kill(process)
    psutil.wait_procs(family, timeout=PATIENCE)
    return True


def end_strays(living: Collection[str], kernels: Collection[int]) -> None:
    """Kill what kernels that have ended left running, and collect orphans that ended by themselves.

    As a child subreaper this process is the parent of every orphan below it. Each carries its session in its
    environment. `living` are the sessions whose kernels run or start, `kernels` the processes of those that run.
    """
    for child in psutil.Process().children():
        try:
            if child.pid in kernels:
                continue
            if child.status() == psutil.STATUS_ZOMBIE:
                _collect(child.pid)
            elif child.environ().get(SESSION_VARIABLE) not in living:
                kill(child)
        except psutil.Error:
            continue


def _collect(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return


def _memory_of(process: psutil.Process) -> int:
    return sum(_resident(one) for one in _family(process))


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
