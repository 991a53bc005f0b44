"""Finds everything that runs for an installation: by the mark in its environment, by argv for workers, by descent."""

import os
from collections.abc import Iterable
from pathlib import Path

import psutil

from noteyard.backends.local.supervisor import MARK

STARTED_BY_ID = {"noteyard_lab.worker": "--attempt", "noteyard_lab.dashboard": "--workload"}
"""Modules whose processes name what they are for in argv: the kernel hides the environment of workers."""


def find(state: Path, spare: Iterable[int] = ()) -> list[psutil.Process]:
    """Processes of the installation with state folder `state`, but not this one, nor `spare` with their descendants."""
    alive = {process.pid: process for process in psutil.process_iter(["ppid", "cmdline", "status"])}
    children = _children(alive.values())
    work = state / "work"
    ids = {path.name for path in work.iterdir()} if work.is_dir() else set()
    found = {pid for pid, process in alive.items() if _belongs(process, str(state), ids)}
    found = _with_descendants(found, children)
    left_out = _with_descendants({*spare}, children) | {os.getpid()}
    return [
        alive[pid]
        for pid in sorted(found - left_out)
        if pid in alive and alive[pid].info["status"] != psutil.STATUS_ZOMBIE
    ]


def roots(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those whose parent is not among them: they end their own children in an orderly way."""
    pids = {process.pid for process in processes}
    return [process for process in processes if process.info["ppid"] not in pids]


def _belongs(process: psutil.Process, state: str, ids: set[str]) -> bool:
    words = process.info["cmdline"] or []
    for module, option in STARTED_BY_ID.items():
        if module in words and option in words[:-1] and words[words.index(option) + 1] in ids:
            return True
    try:
        return process.environ().get(MARK) == state
    except (psutil.Error, OSError):  # ended meanwhile, or another account's
        return False


def _children(processes: Iterable[psutil.Process]) -> dict[int, set[int]]:
    children: dict[int, set[int]] = {}
    for process in processes:
        children.setdefault(process.info["ppid"], set()).add(process.pid)
    return children


def _with_descendants(pids: set[int], children: dict[int, set[int]]) -> set[int]:
    found, waiting = set(pids), list(pids)
    while waiting:
        fresh = children.get(waiting.pop(), set()) - found
        found |= fresh
        waiting.extend(fresh)
    return found
