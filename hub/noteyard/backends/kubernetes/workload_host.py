"""Dashboards' processes as Jobs: each start is one pod with a token of its own; the controller keeps them up."""

from collections.abc import Mapping

from noteyard.backends.base import Observed, Start
from noteyard.backends.kubernetes.manifests import DASHBOARDS
from noteyard.backends.kubernetes.tasks import Tasks
from noteyard.settings import Settings


class KubernetesWorkloadHost:
    """Implements WorkloadHost."""

    def __init__(self, settings: Settings) -> None:
        self._tasks = Tasks(DASHBOARDS, settings)

    async def apply(self, start: Start) -> None:
        await self._tasks.start(start)

    async def delete(self, id: str) -> None:
        await self._tasks.remove(id)

    async def observe(self) -> Mapping[str, Observed]:
        return await self._tasks.observe()
