"""A runner whose processes begin, vanish and hang on command: faults that real ones do not produce on demand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import cast

from noteyard.backends.base import Observed, Start, WorkloadHost
from noteyard.controller.context import LEASE, Context
from noteyard.errors import NoteyardError
from noteyard.instance import Instance
from noteyard.objects import Objects
from noteyard.settings import Settings
from noteyard.store import Database
from noteyard.store.lease import acquire
from noteyard.store.types import now
from noteyard.urls import PublicUrls


@dataclass
class Clock:
    """Seconds that pass when told."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class Crash(BaseException):
    """The controller's process dies here."""


@dataclass
class ScriptedRunner:
    """`alive` and `ended` are what exists; `crash_before_start` and `refuse` make the next start fail.

    Of the alive ones, `pending` have not begun; of the ended ones, `exceeded` used too much, and `displaced` were ended
    by the platform for reasons of its own. `gone` images are in no
    registry: what is started with one ends at once.
    """

    alive: set[str] = field(default_factory=set)
    pending: set[str] = field(default_factory=set)
    exceeded: set[str] = field(default_factory=set)
    displaced: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    missing: dict[str, str] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)
    started: list[Start] = field(default_factory=list)
    stopped: list[tuple[str, bool]] = field(default_factory=list)
    crash_before_start: bool = False
    refuse: NoteyardError | None = None
    ending_seconds: float = 30

    async def start(self, start: Start) -> None:
        if self.crash_before_start:
            self.crash_before_start = False
            raise Crash
        if self.refuse is not None:
            raise self.refuse
        self.started.append(start)
        if start.image in self.gone:
            self.missing[start.id] = str(start.image)
            return
        self.alive.add(start.id)

    async def stop(self, id: str, *, kill: bool = False) -> None:
        self.stopped.append((id, kill))
        if kill:
            self.alive.discard(id)
            self.ended[id] = "killed"

    async def observe(self) -> Mapping[str, Observed]:
        alive = {id: Observed(id, False, pending=id in self.pending) for id in self.alive}
        ended = {
            id: Observed(id, True, reason, exceeded=id in self.exceeded, displaced=id in self.displaced)
            for id, reason in self.ended.items()
        }
        missing = {
            id: Observed(id, True, f"There is no image {image}.", pending=True, missing_image=image)
            for id, image in self.missing.items()
        }
        return alive | ended | missing

    async def clean(self, id: str) -> None:
        self.alive.discard(id)
        self.ended.pop(id, None)
        self.missing.pop(id, None)

    def die(self, id: str, reason: str) -> None:
        self.alive.discard(id)
        self.ended[id] = reason

    # A workload host's names for the same things.
    apply = start

    async def delete(self, id: str) -> None:
        await self.stop(id, kill=True)
        await self.clean(id)

    sleep = delete


def context(database: Database, folder: Path, runner: ScriptedRunner, **settings: object) -> Context:
    """A leading controller's context with a fresh epoch."""
    configured = Settings(state=folder, **settings)  # type: ignore[arg-type]
    with database.write() as session:
        epoch = acquire(session, LEASE, f"test {id(runner)}", 3600)
    assert epoch is not None
    return Context(
        configured,
        Instance.of(configured),
        database,
        Objects.in_folder(folder / "objects"),
        PublicUrls.of(configured),
        runner,
        cast(WorkloadHost, runner),
        epoch,
        now() - timedelta(hours=1),
    )
