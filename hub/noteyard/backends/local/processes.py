"""What runs on this machine, read from /proc: found by mark, named by pid and start time, ended for certain.

A pid alone names nothing: it is used again. Identity is pid and start time, and signals go by pidfd, after a look that
the process behind the descriptor is still the one that was found.
"""

import os
import select
import signal
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROUND = 0.2


@dataclass(frozen=True)
class ProcessId:
    """One process for all time: pid, and its start in clock ticks since boot."""

    pid: int
    started: int


@dataclass(frozen=True)
class Process:
    """A living process (no zombie). `argv` is empty for the kernel's own and for those that hide it."""

    id: ProcessId
    parent: int
    argv: tuple[str, ...]

    def ends_with(self, *words: str) -> bool:
        """Whether argv's last words are these."""
        return self.argv[-len(words) :] == words


def processes() -> dict[int, Process]:
    """All living processes, by pid."""
    found = (read(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return {process.id.pid: process for process in found if process is not None}


def read(pid: int) -> Process | None:
    """The living process that has this pid now."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        if fields[0] in (b"Z", b"X"):
            return None
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")[:-1]
    except (OSError, ProcessLookupError):
        return None
    argv = tuple(os.fsdecode(word) for word in words)
    return Process(ProcessId(pid, int(fields[19])), int(fields[1]), argv)


def environment(process: Process) -> dict[str, str]:
    """A process's environment as it was started with; empty when it may not be read or the process is gone."""
    try:
        with open(f"/proc/{process.id.pid}/environ", "rb") as file:
            content = file.read()
    except (OSError, ProcessLookupError):
        return {}
    pairs = (entry.decode(errors="replace").partition("=") for entry in content.split(b"\0") if entry)
    return {name: value for name, _, value in pairs}


def with_descendants(roots: Iterable[Process], alive: Mapping[int, Process]) -> list[Process]:
    """The roots and all that descends from them."""
    children: dict[int, list[Process]] = {}
    for process in alive.values():
        children.setdefault(process.parent, []).append(process)
    found: dict[ProcessId, Process] = {}
    waiting = list(roots)
    while waiting:
        process = waiting.pop()
        if process.id not in found:
            found[process.id] = process
            waiting.extend(children.get(process.id.pid, []))
    return list(found.values())


def send(id: ProcessId, number: signal.Signals) -> bool:
    """Send a signal; False when the process is gone."""
    with _descriptor(id) as descriptor:
        if descriptor is None:
            return False
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(descriptor, number)
            return True
    return False


def wait_ended(ids: Iterable[ProcessId], seconds: float) -> bool:
    """Wait until all have ended (zombies have); False when time is up first."""
    deadline = time.monotonic() + seconds
    for id in ids:
        with _descriptor(id) as descriptor:
            if descriptor is None:
                continue
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                return False
    return True


def kill_all(find: Callable[[], Collection[Process]], seconds: float) -> bool:
    """Kill what `find` finds until it finds nothing; False when something is left after `seconds`.

    All are stopped before any is killed: what is stopped forks no more, so that none slips through between two looks.
    """
    deadline = time.monotonic() + seconds
    while found := find():
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in found:
                send(process.id, number)
        wait_ended([process.id for process in found], ROUND)
        if time.monotonic() > deadline:
            return not find()
    return True


@contextmanager
def _descriptor(id: ProcessId) -> Iterator[int | None]:
    try:
        descriptor = os.pidfd_open(id.pid)
    except ProcessLookupError:
        yield None
        return
    try:
        # The descriptor holds on to one process; the look tells whether it is the one that is meant.
        process = read(id.pid)
        yield descriptor if process is not None and process.id == id else None
    finally:
        os.close(descriptor)
