"""What the launcher tells the hub side about itself: on every change, and at least every five seconds."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal, NoReturn

from noteyard_lab.dashboard.log_tail import LogTail
from noteyard_lab.hub_client import HubClient, RefusedError
from noteyard_lab.worker.failure import Failure

State = Literal["starting", "rendering", "ready", "failed"]
HEARTBEAT = 5.0
LOOK = 0.5


@dataclass(frozen=True)
class Doings:
    """What changes while a dashboard is served: open sessions, when a viewer last did something, the latest failure."""

    sessions: int
    last_activity: dt.datetime
    failure: Failure | None


class StatusReports:
    """Posts the launcher's state and doings. `stop` is set once the hub side asks for an end."""

    def __init__(self, client: HubClient, workload: str, log: LogTail) -> None:
        self.stop = asyncio.Event()
        self._client = client
        self._path = f"/workloads/{workload}/status"
        self._log = log
        self._state: State = "starting"
        self._port: int | None = None
        self._doings: Callable[[], Doings] | None = None
        self._changed = asyncio.Event()

    def enter(self, state: State, port: int | None = None) -> None:
        """Go to another state, which is told at once."""
        self._state, self._port = state, port
        self._changed.set()

    def watch(self, doings: Callable[[], Doings]) -> None:
        """Ask this for what each report from now on says."""
        self._doings = doings

    async def keep_posting(self) -> NoReturn:
        """Post until cancelled. Raises NotWantedError when the hub side no longer wants this process."""
        while True:
            self._changed.clear()
            told = self._now()
            await self._post(told, self._log.text())
            await self._until_news(told)

    async def post_failure(self, failure: Failure) -> None:
        """Post the state `failed` once, trying until the hub side has it; without the log where that is refused."""
        self.enter("failed")
        doings = Doings(0, dt.datetime.now(dt.UTC), failure)
        try:
            await self._post(doings, self._log.text())
        except RefusedError:
            await self._post(doings, None)

    async def _post(self, doings: Doings, log: str | None) -> None:
        report = {
            "state": self._state,
            "port": self._port,
            "sessions": doings.sessions,
            "last_activity": doings.last_activity.isoformat(),
            "error": asdict(doings.failure) if doings.failure is not None else None,
            "log": log,
        }
        answer = await asyncio.to_thread(self._client.post, self._path, report)
        if answer.get("stop"):
            self.stop.set()

    async def _until_news(self, told: Doings) -> None:
        """Until another state is entered, sessions or failure have changed, or the next report is due."""
        clock = asyncio.get_running_loop()
        due = clock.time() + HEARTBEAT
        while not self._changed.is_set() and clock.time() < due:
            now = self._now()
            if (now.sessions, now.failure) != (told.sessions, told.failure):
                return
            try:
                await asyncio.wait_for(self._changed.wait(), LOOK)
            except TimeoutError:
                continue

    def _now(self) -> Doings:
        return self._doings() if self._doings is not None else Doings(0, dt.datetime.now(dt.UTC), None)
