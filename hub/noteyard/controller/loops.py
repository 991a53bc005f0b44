"""Runs the loops side by side, each at its own pace; a turn that fails is logged and tried again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog
from prometheus_client import Counter, Histogram

from noteyard.store.lease import LostLease

log = structlog.get_logger(__name__)

TURNS = Histogram("noteyard_controller_turn_seconds", "Time of one turn of a loop.", ["loop"])
FAILURES = Counter("noteyard_controller_turn_failures_total", "Turns of a loop that failed.", ["loop"])
MOST_SECONDS_BETWEEN_TRIES = 30.0


@dataclass(frozen=True)
class Loop:
    """A named step, repeated with `seconds` between its turns."""

    name: str
    turn: Callable[[], Awaitable[None]]
    seconds: float

    def pause(self, failures: int) -> float:
        """Seconds until the next turn, after so many in a row that failed."""
        # However long something is away: what is doubled for ever is no number any more.
        return min(self.seconds * 2.0 ** min(failures, 20), max(self.seconds, MOST_SECONDS_BETWEEN_TRIES))


async def run_loops(loops: list[Loop]) -> None:
    """Repeat every loop until cancelled; LostLease ends them all."""
    async with asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(_repeat(loop), name=loop.name)


async def _repeat(loop: Loop) -> None:
    failures = 0
    while True:
        try:
            with TURNS.labels(loop.name).time():
                await loop.turn()
            failures = 0
        except LostLease:
            raise
        except Exception:
            failures += 1
            FAILURES.labels(loop.name).inc()
            log.exception("turn failed", loop=loop.name, failures=failures)
        await asyncio.sleep(loop.pause(failures))
