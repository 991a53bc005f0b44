"""Labs that nobody has: their pods are ended.

A pod is left behind when the hub is given an older database, or loses its own while it starts a lab.
"""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import structlog
from kubernetes_asyncio import client
from kubernetes_asyncio.client import ApiException

from noteyard.backends.kubernetes.cluster import api_client, refused
from noteyard.backends.kubernetes.manifests import selector
from noteyard.settings import Settings

log = structlog.get_logger(__name__)

USERNAME = "hub.jupyter.org/username"
LEAST_AGE_SECONDS = 60


class LabSweep:
    """Ends a lab's pod when its person has no lab at two looks, one after the other."""

    def __init__(self, settings: Settings) -> None:
        self._options = settings.kubernetes
        self._suspects: set[str] = set()

    async def turn(self, has_lab: Callable[[str], Awaitable[bool]]) -> None:
        """One look. Raises NoteyardError while cluster or hub do not answer."""
        async with await api_client() as api:
            core = client.CoreV1Api(api)
            try:
                pods = await core.list_namespaced_pod(
                    self._options.namespace, label_selector=selector(self._options.release, "lab")
                )
                strays = {pod.metadata.uid: pod.metadata.name for pod in pods.items if await _is_stray(pod, has_lab)}
                for uid in strays.keys() & self._suspects:
                    log.warning("a lab that nobody has is ended", pod=strays[uid])
                    await core.delete_collection_namespaced_pod(
                        self._options.namespace, field_selector=f"metadata.name={strays[uid]}"
                    )
            except ApiException as error:
                raise refused(error) from error
        self._suspects = set(strays)


async def _is_stray(pod: client.V1Pod, has_lab: Callable[[str], Awaitable[bool]]) -> bool:
    if pod.metadata.deletion_timestamp or _age(pod) < LEAST_AGE_SECONDS:
        return False
    name = (pod.metadata.annotations or {}).get(USERNAME)
    return name is not None and not await has_lab(name)


def _age(pod: client.V1Pod) -> float:
    return (datetime.now(UTC) - pod.metadata.creation_timestamp).total_seconds()
