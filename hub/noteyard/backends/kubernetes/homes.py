"""People's homes: a volume claim each, made by the spawner and deleted by nobody but a purge."""

import json
from dataclasses import asdict, dataclass
from typing import Any

import httpx
from kubernetes_asyncio import client
from kubernetes_asyncio.client import ApiException

from noteyard.backends.kubernetes.cluster import api_client, refused
from noteyard.backends.kubernetes.manifests import HOME, PERSON, Manifest
from noteyard.lab_http import ask_lab
from noteyard.names import host_label
from noteyard.settings import Settings

RESCUED = f"{HOME}/my-home"
"""Where a person's home is in a lab that was started in rescue mode."""
UNITS = {"Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4}


def size_of_home(settings: Settings) -> int:
    """What a home may hold, in bytes."""
    size = settings.kubernetes.homes.size
    return int(size[:-2]) * UNITS[size[-2:]]


@dataclass(frozen=True)
class HomeState:
    """What a lab said of its home when it was last asked; `sentence` is empty when there is nothing to tell."""

    full: bool = False
    sentence: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def of_json(stored: Any) -> "HomeState":
        return HomeState(**stored) if stored else HomeState()


async def ask_home(url: str, token: str) -> HomeState | None:
    """Ask the lab at `url` (its base URL) how full its home is; None when it does not tell."""
    try:
        status, body = await ask_lab(f"{url}noteyard/home", {"Authorization": f"token {token}"})
        told = json.loads(body) if status == 200 else {}
        return HomeState(told["full"] is True, str(told["sentence"]) if told["full"] else "")
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None  # an older lab, or one that is ending


def home_volumes(rescue: bool) -> tuple[list[Manifest], list[Manifest]]:
    """Volumes and mounts of a lab: the home where it belongs, or in rescue mode below an empty one."""
    home = {"name": "home", "persistentVolumeClaim": {"claimName": "{pvc_name}"}}
    if not rescue:
        return [home], [{"name": "home", "mountPath": HOME}]
    empty = {"name": "empty-home", "emptyDir": {"sizeLimit": "1Gi"}}
    return [empty, home], [{"name": "empty-home", "mountPath": HOME}, {"name": "home", "mountPath": RESCUED}]


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
