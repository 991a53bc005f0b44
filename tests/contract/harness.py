"""What the suite needs of an implementation: fresh instances over one reality, the journal, and a way to vanish."""

import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from noteyard.backends.base import Runner, WorkloadHost
from noteyard.backends.local.processes import Process, kill_all, processes, read
from noteyard.backends.local.runner import LocalRunner
from noteyard.backends.local.task_environment import remove_temporary
from noteyard.backends.local.workload_host import LocalWorkloadHost
from noteyard.instance import Instance
from noteyard.settings import Settings

from tests.contract.fakes import FakePlatform, FakeTasks

STAND_IN = Path(__file__).with_name("stand_in.py")


class Harness(Protocol):
    def runner(self) -> Runner: ...

    def workload_host(self) -> WorkloadHost: ...

    def events(self, id: str) -> list[str]: ...

    def vanish(self, id: str) -> None: ...

    async def end(self) -> None: ...


class FakeHarness:
    def __init__(self, slow: float = 0.0, failing: int = 0) -> None:
        self.attempts = FakePlatform(slow, failing)
        self.workloads = FakePlatform(slow, failing)

    def runner(self) -> Runner:
        return FakeTasks(self.attempts)

    def workload_host(self) -> WorkloadHost:
        return FakeTasks(self.workloads)

    def events(self, id: str) -> list[str]:
        return self.attempts.journal.get(id, []) + self.workloads.journal.get(id, [])

    def vanish(self, id: str) -> None:
        platform = self.attempts if id in self.attempts.tasks else self.workloads
        platform.vanish(id)

    async def end(self) -> None:
        return


@dataclass
class LocalHarness:
    """The local backend over a state folder of its own, with stand-ins for worker and launcher."""

    state: Path

    def __post_init__(self) -> None:
        environment = self.state / "environment"
        if not environment.exists():
            (environment / "bin").mkdir(parents=True)
            (environment / "bin" / "python").symlink_to(sys.executable)
            (self.state / "journal").mkdir()
        self.settings = Settings(environment=environment).model_copy(update={"state": self.state})
        self.instance = Instance(self.state)
        (self.instance.run / "ports.json").write_text(json.dumps({"api": 4711}))

    def runner(self) -> LocalRunner:
        return LocalRunner(self.settings, self.instance, lambda folder, id: self._command(folder, "--attempt", id))

    def workload_host(self) -> LocalWorkloadHost:
        return LocalWorkloadHost(
            self.settings, self.instance, lambda folder, id: self._command(folder, "--workload", id)
        )

    def events(self, id: str) -> list[str]:
        return [event for event, _ in self.journal(id)]

    def journal(self, id: str) -> list[tuple[str, int]]:
        """Events with the process ids that they are about."""
        path = self.state / "journal" / id
        lines = path.read_text().splitlines() if path.exists() else []
        return [(event, int(pid)) for event, pid in (line.split() for line in lines)]

    def pid(self, id: str, event: str = "started") -> int:
        return next(pid for name, pid in self.journal(id) if name == event)

    def mine(self) -> list[int]:
        """Everything alive that names the state folder in argv: minders, stand-ins and their children."""
        return [process.id.pid for process in self._processes()]

    def _processes(self) -> list[Process]:
        return [process for process in processes().values() if str(self.state) in _folders(process.argv)]

    def vanish(self, id: str) -> None:
        for pid in self.mine():
            found = read(pid)
            if found is not None and found.argv[-1] == id:
                os.kill(pid, signal.SIGKILL)

    async def end(self) -> None:
        # A minder that has just been started may be about to start its own.
        assert kill_all(self._processes, 30)
        for folder in self.state.glob("*/*/tmp"):
            remove_temporary(folder.parent)

    def _command(self, folder: Path, option: str, id: str) -> list[str]:
        return [str(folder / "bin" / "python"), str(STAND_IN), option, id]


def _folders(argv: tuple[str, ...]) -> list[str]:
    return [str(parent) for word in argv if word.startswith("/") for parent in Path(word).parents]
