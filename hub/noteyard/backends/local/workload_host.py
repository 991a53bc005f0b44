"""Dashboards' processes as local processes."""

import asyncio
from collections.abc import Mapping

from noteyard.backends.base import Observed, Start
from noteyard.backends.local.tasks import WORKLOAD, Command, Tasks, module_command
from noteyard.instance import Instance
from noteyard.settings import Settings

GRACE_SECONDS = 5.0


class LocalWorkloadHost:
    """Implements WorkloadHost; `command` is what starts a launcher (tests put their own)."""

    def __init__(self, settings: Settings, instance: Instance, command: Command | None = None) -> None:
        self._tasks = Tasks(settings, instance, WORKLOAD, command or module_command(WORKLOAD))

    async def apply(self, start: Start) -> None:
        await asyncio.to_thread(self._tasks.start, start)

    async def sleep(self, id: str) -> None:
        """Nothing makes the next start quicker: the process is deleted."""
        await self.delete(id)

    async def delete(self, id: str) -> None:
        await asyncio.to_thread(self._delete, id)

    async def observe(self) -> Mapping[str, Observed]:
        return await asyncio.to_thread(self._tasks.observe)

    def _delete(self, id: str) -> None:
        self._tasks.stop(id)
        self._tasks.wait(id, GRACE_SECONDS)
        self._tasks.clean(id)
