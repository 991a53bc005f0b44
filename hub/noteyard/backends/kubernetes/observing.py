"""What exists of runs and dashboards, from what is watched; what seems to be missing is looked for once more."""

from collections.abc import Callable, Mapping, Sequence

from noteyard.backends.base import Observed
from noteyard.backends.kubernetes.manifests import Manifest
from noteyard.backends.kubernetes.watched import SILENCE_SECONDS, Watched

Judge = Callable[[Sequence[Manifest], Sequence[Manifest]], Mapping[str, Observed]]
"""From the owners (Jobs, Deployments) and the pods to what exists, by id."""


class Observing:
    """Answers `observe` for one kind of owner and its pods."""

    def __init__(self, owners: Watched, pods: Watched, judge: Judge) -> None:
        self._owners = owners
        self._pods = pods
        self._judge = judge
        self._alive: set[str] = set()

    async def observe(self) -> Mapping[str, Observed]:
        """All that exist by id; one that is missing was not there when the API was asked just now."""
        seen = await self._look(SILENCE_SECONDS)
        # Nobody is declared dead on the word of a memory: it may be older than what was started since.
        if any(id not in seen or seen[id].asleep for id in self._alive):
            seen = await self._look(0)
        self._alive = {id for id, found in seen.items() if not found.asleep}
        return seen

    def expect(self, id: str) -> None:
        """It was started now: what is remembered may not have it yet."""
        self._alive.add(id)

    async def close(self) -> None:
        await self._owners.close()
        await self._pods.close()

    async def _look(self, at_most: float) -> Mapping[str, Observed]:
        # Owners first: a pod that appears in between belongs to an owner that is known already.
        owners = await self._owners.look(at_most)
        return self._judge(owners, await self._pods.look(at_most))
