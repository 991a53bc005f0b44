"""The processes below the launcher: kernels that use too much memory, and what outlived its kernel."""

from __future__ import annotations

import os
from collections.abc import Collection

import psutil  # type: ignore[import-untyped]

from noteyard_lab.dashboard.kernels import SESSION_VARIABLE, kill


def end_those_over(limit: int, kernels: Collection[int]) -> list[int]:
    """Kill each of the kernels that uses more bytes of memory than the limit, with all below it; their process ids."""
    ended = []
    for pid in kernels:
        family = _family(pid)
        # What is shared counts once, but is asked for only where it matters: counting it takes longer.
        if sum(map(_resident, family)) > limit and sum(map(_share, family)) > limit:
            for process in family:
                kill(process)
            ended.append(pid)
    return ended


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


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _share(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        return _resident(process)
    except psutil.NoSuchProcess:
        return 0
