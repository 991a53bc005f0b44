"""Finds everything that runs for an installation: by the mark in its environment, by argv for workers, by descent."""

import os
from collections.abc import Iterable
from pathlib import Path

from noteyard.backends.local.processes import Process, environment, processes, with_descendants
from noteyard.backends.local.supervisor import MARK
from noteyard.backends.local.tasks import ATTEMPT, WORKLOAD


def find(state: Path, spare: Iterable[int] = ()) -> list[Process]:
    """Processes of the installation with state folder `state`, but not this one, nor `spare` with their descendants."""
    alive = processes()
    spared = with_descendants([alive[pid] for pid in spare if pid in alive], alive)
    left_out = {process.id for process in spared}
    tasks = [(kind.option, id) for kind in (ATTEMPT, WORKLOAD) for id in _names(state / kind.folder)]
    mine = [process for process in alive.values() if process.id not in left_out and _belongs(process, state, tasks)]
    return [
        process
        for process in with_descendants(mine, alive)
        if process.id not in left_out and process.id.pid != os.getpid()
    ]


def roots(found: list[Process]) -> list[Process]:
    """Those whose parent is not among them: they end their own children in an orderly way."""
    pids = {process.id.pid for process in found}
    return [process for process in found if process.parent not in pids]


def _belongs(process: Process, state: Path, tasks: list[tuple[str, str]]) -> bool:
    # The kernel hides a worker's environment, and shows its argv.
    return environment(process).get(MARK) == str(state) or any(process.ends_with(*task) for task in tasks)


def _names(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.is_dir() else []  # noqa: PTH208
