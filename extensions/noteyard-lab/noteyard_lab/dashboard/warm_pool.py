"""Sessions that wait for a visitor: kept at a number, replaced when they are old, failed or dead."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from noteyard_lab.dashboard.session import Session

logger = logging.getLogger(__name__)

FIRST_PAUSE = 5.0
LONGEST_PAUSE = 300.0


@dataclass(eq=False)
class _Waiting:
    task: asyncio.Task[Session]
    started: float
    completed: float | None = None

    @property
    def session(self) -> Session | None:
        """The session once its kernel is up."""
        if not self.task.done() or self.task.cancelled() or self.task.exception() is not None:
            return None
        return self.task.result()

    @property
    def complete(self) -> bool:
        """Whether nothing of it is still executing."""
        return self.session is not None and not self.session.executing

    @property
    def failed(self) -> bool:
        """Whether its kernel did not start or its notebook failed."""
        if self.session is None:
            return self.task.done()
        return self.session.failed

    def look(self) -> None:
        """Note when it was complete: its data are as old as that, however long the notebook took."""
        if self.completed is None and self.complete:
            self.completed = time.monotonic()

    def old(self, age: float) -> bool:
        return self.completed is not None and time.monotonic() - self.completed > age


class WarmPool:
    """Up to `size` sessions made by `make`; those complete for `max_age` seconds are replaced before they are given up.

    When making one fails, the next try waits, longer each time, so that a broken dashboard costs little.
    """

    def __init__(
        self, make: Callable[[], Awaitable[Session]], discard: Callable[[Session], Awaitable[None]], max_age: float
    ) -> None:
        self._make = make
        self._discard = discard
        self._max_age = max_age
        self._waiting: list[_Waiting] = []
        self._pause = FIRST_PAUSE
        self._not_before = 0.0

    def sessions(self) -> list[Session]:
        """Those whose kernel is up."""
        return [waiting.session for waiting in self._waiting if waiting.session is not None]

    def adopt(self, session: Session) -> None:
        """Let a session made elsewhere wait here."""

        async def made() -> Session:
            return session

        self._add(made())

    def take(self) -> asyncio.Task[Session] | None:
        """Take one out: a fresh complete one first, then an old one, then one that is still being made."""
        for waiting in self._waiting:
            waiting.look()
        usable = [waiting for waiting in self._waiting if not waiting.old(2 * self._max_age) and not waiting.failed]
        if not usable:
            return None
        best = min(usable, key=lambda waiting: (not waiting.complete, waiting.old(self._max_age), waiting.started))
        self._waiting.remove(best)
        return best.task

    async def keep(self, size: int) -> None:
        """Drop what is broken, too many or replaced, and start what is missing. Called about once a second."""
        for waiting in list(self._waiting):
            waiting.look()
            if waiting.old(2 * self._max_age):
                await self._drop(waiting)  # nobody gets it any more
            elif await self._broken(waiting):
                self._not_before = time.monotonic() + self._pause
                self._pause = min(self._pause * 2, LONGEST_PAUSE)
                await self._drop(waiting)
        fresh = [waiting for waiting in self._waiting if not waiting.old(self._max_age)]
        complete = sum(waiting.complete for waiting in fresh)
        if complete:
            self._pause = FIRST_PAUSE
        old = [waiting for waiting in self._waiting if waiting.old(self._max_age)]
        for waiting in [*fresh[size:], *(old if complete >= size else old[size:])]:
            await self._drop(waiting)
        if time.monotonic() >= self._not_before:
            for _ in range(size - len(fresh)):
                self._add(self._make())

    async def close(self) -> None:
        """Give up all of them."""
        for waiting in list(self._waiting):
            await self._drop(waiting)

    def _add(self, making: Awaitable[Session]) -> None:
        self._waiting.append(_Waiting(asyncio.ensure_future(making), time.monotonic()))

    async def _broken(self, waiting: _Waiting) -> bool:
        if not waiting.task.done():
            return False
        if waiting.task.exception() is not None:
            logger.warning("a waiting kernel could not start: %s", waiting.task.exception())
            return True
        session = waiting.task.result()
        return session.failed or not await session.kernel.is_alive()

    async def _drop(self, waiting: _Waiting) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)
        waiting.task.cancel()
        await asyncio.wait([waiting.task])
        if waiting.session is not None:
            await self._discard(waiting.session)
