"""Runs' attempts as local processes."""

import asyncio
from collections.abc import Mapping

from noteyard.backends.base import Observed, Start
from noteyard.backends.local.tasks import ATTEMPT, Command, Tasks, module_command
from noteyard.instance import Instance
from noteyard.settings import Settings


class LocalRunner:
    """Implements Runner; `command` is what starts a worker (tests put their own)."""

    def __init__(self, settings: Settings, instance: Instance, command: Command | None = None) -> None:
        self._tasks = Tasks(settings, instance, ATTEMPT, command or module_command(ATTEMPT))

    @property
    def ending_seconds(self) -> float:
        """A worker's own limit for saving is 20 s."""
        return 30

    async def start(self, start: Start) -> None:
        await asyncio.to_thread(self._tasks.start, start)

    async def stop(self, id: str, *, kill: bool = False) -> None:
        await asyncio.to_thread(self._tasks.kill if kill else self._tasks.stop, id)

    async def observe(self) -> Mapping[str, Observed]:
        return await asyncio.to_thread(self._tasks.observe)

    async def clean(self, id: str) -> None:
        await asyncio.to_thread(self._tasks.clean, id)
