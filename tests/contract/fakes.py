"""Runner and WorkloadHost in memory: prompt ones, and ones that start slowly, fail midway, or vanish.

They obey the same tokens as stand_in.py. Several fakes over one FakePlatform are controllers one after another.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from noteyard.backends.base import Observed, Start
from noteyard.errors import NoteyardError, Unavailable

ENDS = {"quick": "it ended", "fail": "it failed: the disk is full", "crash": "it crashed"}


@dataclass
class FakeTask:
    plan: str
    ended: bool = False
    reason: str | None = None
    asked: bool = False


@dataclass
class FakePlatform:
    """What really exists. `slow`: seconds that a start takes; `failing`: how many starts break after their effect."""

    slow: float = 0.0
    failing: int = 0
    tasks: dict[str, FakeTask] = field(default_factory=dict)
    journal: dict[str, list[str]] = field(default_factory=dict)

    def note(self, id: str, event: str) -> None:
        self.journal.setdefault(id, []).append(event)

    def vanish(self, id: str) -> None:
        """The process is gone without a trace, as after a power cut."""
        del self.tasks[id]


@dataclass
class FakeTasks:
    """Implements Runner and WorkloadHost."""

    platform: FakePlatform

    async def start(self, start: Start) -> None:
        await asyncio.sleep(self.platform.slow)
        if start.profile != "default":
            raise NoteyardError(f"The profile {start.profile!r} is not in the settings any more.")
        if start.id in self.platform.tasks:
            return
        task = FakeTask(start.token)
        self.platform.tasks[start.id] = task
        self.platform.note(start.id, "started")
        self.platform.note(start.id, "ready")
        if start.token in ENDS:
            task.ended, task.reason = True, ENDS[start.token]
        if self.platform.failing > 0:
            self.platform.failing -= 1
            raise Unavailable("The connection broke.")

    ending_seconds = 30

    async def apply(self, start: Start) -> None:
        await self.start(start)

    async def stop(self, id: str, *, kill: bool = False) -> None:
        task = self.platform.tasks.get(id)
        if task is None or task.ended:
            return
        if not kill and not task.asked:
            task.asked = True
            self.platform.note(id, "term")
        if kill or task.plan != "stubborn":
            task.ended = True

    async def delete(self, id: str) -> None:
        await self.stop(id)
        await self.stop(id, kill=True)
        await self.clean(id)

    # Nothing sleeps here.
    sleep = delete

    async def observe(self) -> Mapping[str, Observed]:
        return {id: Observed(id, task.ended, task.reason) for id, task in self.platform.tasks.items()}

    async def clean(self, id: str) -> None:
        self.platform.tasks.pop(id, None)
