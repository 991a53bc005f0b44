"""Runs as Jobs."""

from collections.abc import Mapping

from noteyard.backends.base import Observed, Start
from noteyard.backends.kubernetes.manifests import RUNS
from noteyard.backends.kubernetes.tasks import Tasks
from noteyard.settings import Settings


class KubernetesRunner:
    """Implements Runner: an attempt is a Job of one pod."""

    def __init__(self, settings: Settings) -> None:
        self._tasks = Tasks(RUNS, settings)

    async def start(self, start: Start) -> None:
        await self._tasks.start(start)

    async def stop(self, id: str, *, kill: bool = False) -> None:
        await self._tasks.end(id, grace=0 if kill else None)

    async def observe(self) -> Mapping[str, Observed]:
        return await self._tasks.observe()

    async def clean(self, id: str) -> None:
        await self._tasks.remove(id)
