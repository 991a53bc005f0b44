"""People's homes: a volume claim each, made by the spawner and deleted by nobody but a purge."""

from kubernetes_asyncio import client
from kubernetes_asyncio.client import ApiException

from noteyard.backends.kubernetes.cluster import api_client, refused
from noteyard.backends.kubernetes.manifests import PERSON
from noteyard.names import host_label
from noteyard.settings import Settings

UNITS = {"Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4}


def size_of_home(settings: Settings) -> int:
    """What a home may hold, in bytes."""
    size = settings.kubernetes.homes.size
    return int(size[:-2]) * UNITS[size[-2:]]


async def delete_home(settings: Settings, person: str) -> None:
    """Delete the person's claim; fine when there is none. Raises NoteyardError when the cluster refuses."""
    chosen = f"{PERSON}={host_label(person)}"
    async with await api_client() as api:
        try:
            await client.CoreV1Api(api).delete_collection_namespaced_persistent_volume_claim(
                settings.kubernetes.namespace, label_selector=chosen
            )
        except ApiException as error:
            raise refused(error) from error
