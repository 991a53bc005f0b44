"""Processes of runs and dashboards on one machine: started once, found again by anybody, ended with all they started.

A task is one attempt or one dashboard process. Its folder `<kind>/<id>` under the state folder holds `lock` (held by
the minder for as long as it lives), `starts` (a dot for each try), `process` (pid and start time of the process),
`output.log`, `end.json` (how it ended), `asked` (who was sent SIGTERM), the task's home, and a link to its temporary
files; its working folder is `work/<id>`. Nothing is kept in memory but child processes to be reaped: whoever starts
next sees the same.
"""

import fcntl
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from noteyard.backends.base import Observed, Start
from noteyard.backends.local.data_links import Area, link_data
from noteyard.backends.local.folders import remove_tree
from noteyard.backends.local.processes import (
    Process,
    ProcessId,
    environment,
    kill_all,
    processes,
    read,
    send,
    wait_ended,
    with_descendants,
)
from noteyard.backends.local.records import read_record
from noteyard.backends.local.task_end import reason_of
from noteyard.backends.local.task_environment import (
    memory_bytes,
    profile_environment,
    remove_temporary,
    task_environment,
)
from noteyard.errors import Unavailable
from noteyard.instance import Instance
from noteyard.settings import Settings

MINDER = Path(__file__).with_name("minder.py")
LOCK_DESCRIPTOR = 3  # where the minder finds the lock it is to hold
LOCK_SECONDS = 1.0
KILL_SECONDS = 10.0
STEP = 0.02
MOST_STARTS = 20
"""What so often had no process was not broken off, but can't begin."""


@dataclass(frozen=True)
class Kind:
    """What tells one kind of task from the other: folder, module, its option in argv, the key of the id on stdin, and
    whose data its home leads to."""

    folder: str
    module: str
    option: str
    key: str
    areas: tuple[Area, ...]
    starts_again: bool
    """Whether a start that was broken off before there was a process is repeated under the same id."""


ATTEMPT = Kind("attempts", "noteyard_lab.worker", "--attempt", "attempt", ("team", "me"), starts_again=True)
WORKLOAD = Kind("workloads", "noteyard_lab.dashboard", "--workload", "workload", ("team",), starts_again=False)

Command = Callable[[Path, str], Sequence[str]]
"""From an environment's folder and a task's id to the words that start it; they end with the kind's option and id."""


def module_command(kind: Kind) -> Command:
    """The real one. `-P`: a release's own `json.py` must not become the worker's."""
    return lambda folder, id: [str(folder / "bin" / "python"), "-P", "-m", kind.module, kind.option, id]


@dataclass
class Tasks:
    """The tasks of one kind of one installation. Every call blocks, may be repeated, and is safe from any process."""

    settings: Settings
    instance: Instance
    kind: Kind
    command: Command

    def start(self, start: Start) -> None:
        """Start the task unless it exists, running or ended. Raises NoteyardError when its profile can't be used."""
        folder = self._folder(start.id)
        with self._locked(folder) as lock:
            if lock is None or (folder / "end.json").exists() or self._worker(start.id):
                return
            python = profile_environment(self.settings, start.profile)
            with (folder / "starts").open("a") as starts:
                starts.write(".")
            remove_tree(self.instance.work(start.id))
            work = self.instance.work(start.id)
            (folder / "asked").unlink(missing_ok=True)
            env = task_environment(self.settings, self.instance, python, folder, start)
            if start.person:
                link_data(self.instance, Path(env["HOME"]), start.person, self.kind.areas)
            limit = memory_bytes(self.settings, start.profile)
            words = [sys.executable, "-I", "-S", str(MINDER), str(folder), str(work), str(limit), "--"]
            with _pipe(self._hand_over(start)) as stdin:
                pid = _spawn([*words, *self.command(python, start.id)], env, stdin, lock)
        with _guard:
            _children.add(pid)

    def observe(self) -> Mapping[str, Observed]:
        """Every task that exists: one whose folder is there. It is alive while its process is, or is about to be."""
        _reap()
        root = self.instance.folder(self.kind.folder)
        return {id: self._observed(root / id) for id in sorted(entry.name for entry in root.iterdir())}

    def stop(self, id: str) -> None:
        """Send SIGTERM to the task's process: once, however often this is called (a second would cut its saving)."""
        for process in self._worker(id) or self._minders(id, processes()):
            with (self._folder(id) / "asked").open("a+") as asked:
                fcntl.flock(asked, fcntl.LOCK_EX)
                asked.seek(0)
                name = f"{process.id.pid} {process.id.started}\n"
                if name not in asked.readlines() and send(process.id, signal.SIGTERM):
                    asked.write(name)

    def wait(self, id: str, seconds: float) -> bool:
        """Wait until the task's process and its minder have ended; False when time is up first."""
        found = self._worker(id) + self._minders(id, processes())
        return wait_ended([process.id for process in found], seconds)

    def kill(self, id: str) -> None:
        """End the task's process and all it started, however detached. Raises Unavailable when something stays."""
        # The minder is spared at first: it writes down how the process ended, and keeps orphans below it.
        if not kill_all(lambda: self._belonging(id, minders=False), KILL_SECONDS):
            raise Unavailable(
                f"Processes of {id} can't be ended, not even by SIGKILL.", "A storage that hangs may hold them."
            )
        wait_ended([process.id for process in self._minders(id, processes())], LOCK_SECONDS)
        kill_all(lambda: self._belonging(id, minders=True), KILL_SECONDS)
        _reap()

    def clean(self, id: str) -> None:
        """End what is left of the task, and remove its folders."""
        self.kill(id)
        folder = self._folder(id)
        with self._locked(folder) as lock:
            if lock is not None:
                remove_temporary(folder)
                remove_tree(self.instance.work(id))
                remove_tree(folder)

    def _observed(self, folder: Path) -> Observed:
        ended = (folder / "end.json").exists()
        # Its minder, which holds the lock, answers for it; when that one is gone, the process itself.
        if not ended and (_is_locked(folder) or self._worker(folder.name)):
            return Observed(folder.name, ended=False)
        if not ended and self.kind.starts_again and 0 < _starts(folder) < MOST_STARTS and not _began(folder):
            return Observed(folder.name, ended=True, asleep=True)
        return Observed(folder.name, ended=True, reason=reason_of(folder))

    def _worker(self, id: str) -> list[Process]:
        recorded = read_record(self.instance.state / self.kind.folder / id / "process", _process_id)
        if recorded is None:
            return []
        found = read(recorded.pid)
        return [found] if found is not None and found.id == recorded and found.ends_with(self.kind.option, id) else []

    def _minders(self, id: str, alive: Mapping[int, Process]) -> list[Process]:
        words = {str(MINDER), str(self.instance.state / self.kind.folder / id)}
        return [process for process in alive.values() if words <= set(process.argv)]

    def _belonging(self, id: str, *, minders: bool) -> list[Process]:
        alive = processes()
        mine = self._minders(id, alive)
        marks = {"NOTEYARD_TASK": id, "NOTEYARD_INSTANCE": str(self.instance.state)}
        marked = [process for process in alive.values() if marks.items() <= environment(process).items()]
        found = with_descendants([*mine, *self._worker(id), *marked], alive)
        spared: set[ProcessId] = {process.id for process in mine} if not minders else set()
        return [process for process in found if process.id not in spared and process.id.pid != os.getpid()]

    def _folder(self, id: str) -> Path:
        return self.instance.folder(self.kind.folder, id)

    def _hand_over(self, start: Start) -> bytes:
        api = f"{self.instance.internal_url('api')}/internal/v1"
        return json.dumps({"api": api, self.kind.key: start.id, "token": start.token}).encode() + b"\n"

    @contextmanager
    def _locked(self, folder: Path) -> Iterator[int | None]:
        # An observer's look at the lock holds it for a moment, hence the second try; None: a minder has it.
        deadline = time.monotonic() + LOCK_SECONDS
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _try_lock(descriptor, fcntl.LOCK_EX):
                if self._minders(folder.name, processes()) or time.monotonic() > deadline:
                    yield None
                    return
                time.sleep(STEP)
            yield descriptor
        finally:
            os.close(descriptor)


def _starts(folder: Path) -> int:
    try:
        return (folder / "starts").stat().st_size
    except FileNotFoundError:
        return 0


def _began(folder: Path) -> bool:
    return (folder / "process").exists()


def _process_id(text: str) -> ProcessId:
    pid, started = map(int, text.split())
    return ProcessId(pid, started)


def _is_locked(folder: Path) -> bool:
    try:
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, operation: int) -> bool:
    try:
        fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# Children are the process's, whichever object started them: they stay zombies until the process asks for them.
_children: set[int] = set()
_guard = threading.Lock()


def _reap() -> None:
    with _guard:
        for pid in list(_children):
            with suppress(ChildProcessError):  # reaped by another library's signal handler
                if os.waitpid(pid, os.WNOHANG)[0] == 0:
                    continue
            _children.discard(pid)


def _spawn(words: list[str], env: Mapping[str, str], stdin: int, lock: int) -> int:
    nowhere = os.O_RDWR
    actions = [
        (os.POSIX_SPAWN_DUP2, stdin, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, nowhere, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, nowhere, 0),
        (os.POSIX_SPAWN_DUP2, lock, LOCK_DESCRIPTOR),
    ]
    # A session of its own: signals to the controller's group are not for it.
    return os.posix_spawn(words[0], words, env, file_actions=actions, setsid=True)


@contextmanager
def _pipe(content: bytes) -> Iterator[int]:
    # Written whole before the process exists: it gets all of it, or is never started.
    reading, writing = os.pipe()
    try:
        os.write(writing, content)
    finally:
        os.close(writing)
    try:
        yield reading
    finally:
        os.close(reading)
