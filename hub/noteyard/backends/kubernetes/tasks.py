"""Attempts and dashboards' processes as Jobs: started, seen, asked to end and removed by our ids."""

from collections.abc import Awaitable, Mapping
from typing import Any

from kubernetes_asyncio import client
from kubernetes_asyncio.client import ApiException

from noteyard.backends.base import Observed, Start
from noteyard.backends.kubernetes.cluster import CONFLICT, NOT_FOUND, api_client, refused
from noteyard.backends.kubernetes.manifests import (
    DASHBOARDS,
    ID,
    Kind,
    Manifest,
    access_secret,
    job,
    object_name,
    owner,
    selector,
    service,
)
from noteyard.backends.kubernetes.pod_states import has_ended, why_it_cannot_start, why_it_ended
from noteyard.backends.kubernetes.s3_credentials import data_parts, with_parts
from noteyard.domain import DataUser
from noteyard.errors import NoteyardError
from noteyard.profiles import find_profile, title_of
from noteyard.s3_places import DataIdentity
from noteyard.settings import Profile, Settings


class Tasks:
    """The Jobs of one kind in the users' namespace."""

    def __init__(self, kind: Kind, settings: Settings) -> None:
        self._kind = kind
        self._settings = settings
        self._options = settings.kubernetes
        self._client: client.ApiClient | None = None

    async def start(self, start: Start) -> None:
        """Make Secret and Job exist. Raises NoteyardError when the profile has no image or the cluster refuses."""
        manifest = job(self._kind, start, self._profile(start.profile), self._options)
        template = manifest["spec"]["template"]
        identity = DataIdentity(DataUser(self._kind.component), start.person, start.id)
        template["spec"] = with_parts(template["spec"], data_parts(self._settings, identity))
        batch, core = await self._apis()
        where, name = self._options.namespace, manifest["metadata"]["name"]
        try:
            # The Secret first: a pod that finds none waits for longer than it takes to start.
            await self._keep_secret(core, access_secret(self._kind, start, self._options))
            if self._kind is DASHBOARDS:
                await _unless_there(core.create_namespaced_service(where, service(self._kind, start, self._options)))
            await _unless_there(batch.create_namespaced_job(where, manifest))
            made = await batch.read_namespaced_job(name, where)
            change = owner(name, made.metadata.uid)
            await core.patch_namespaced_secret(name, where, change)
            if self._kind is DASHBOARDS:
                await core.patch_namespaced_service(name, where, change)
        except ApiException as error:
            raise refused(error) from error

    async def observe(self) -> Mapping[str, Observed]:
        """What exists by id: every pod, and Jobs that have no pod (yet, or any more)."""
        batch, core = await self._apis()
        where, wanted = self._options.namespace, selector(self._options.release, self._kind.component)
        try:
            # Jobs first: a pod that appears in between belongs to a Job that is known already.
            jobs = await batch.list_namespaced_job(where, label_selector=wanted)
            pods = await core.list_namespaced_pod(where, label_selector=wanted)
        except ApiException as error:
            raise refused(error) from error
        seen = {item.metadata.labels[ID]: _of_job(item) for item in jobs.items}
        for pod in pods.items:
            seen[pod.metadata.labels[ID]] = _of_pod(core.api_client.sanitize_for_serialization(pod))  # type: ignore[attr-defined]
        return seen

    async def end(self, id: str, *, grace: int | None = None) -> None:
        """Ask the pod to end (grace None: its own), or end it at once (0); the Job stays to tell how it ended."""
        _, core = await self._apis()
        pods = f"{selector(self._options.release, self._kind.component)},{ID}={id}"
        at_once: Any = {} if grace is None else {"grace_period_seconds": grace}
        try:
            await core.delete_collection_namespaced_pod(self._options.namespace, label_selector=pods, **at_once)
        except ApiException as error:
            raise refused(error) from error

    async def remove(self, id: str) -> None:
        """Delete the Job with its pod and Secret; fine when there is none."""
        batch, _ = await self._apis()
        try:
            await batch.delete_namespaced_job(
                object_name(self._kind, id),
                self._options.namespace,
                propagation_policy="Background",
            )
        except ApiException as error:
            if error.status != NOT_FOUND:
                raise refused(error) from error

    async def _keep_secret(self, core: client.CoreV1Api, secret: Manifest) -> None:
        where = self._options.namespace
        if await _unless_there(core.create_namespaced_secret(where, secret)):
            return
        await core.replace_namespaced_secret(secret["metadata"]["name"], where, secret)

    def _profile(self, name: str) -> Profile:
        profile = find_profile(self._settings, name)
        if profile is None:
            raise NoteyardError(
                f"The profile {name!r} is no longer offered.", "Publish the notebook again with another profile."
            )
        if profile.image is None:
            raise NoteyardError(
                f"The profile {title_of(profile)} has no image.", f"Set profiles[{name}].image in the chart's values."
            )
        return profile

    async def _apis(self) -> tuple[client.BatchV1Api, client.CoreV1Api]:
        if self._client is None:
            self._client = await api_client()
        return client.BatchV1Api(self._client), client.CoreV1Api(self._client)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()


def _of_job(item: client.V1Job) -> Observed:
    conditions = {condition.type: condition for condition in item.status.conditions or [] if condition.status == "True"}
    for name in ("Failed", "Complete"):
        if name in conditions:
            gone = "its pod was deleted" if name == "Failed" else None
            return Observed(item.metadata.labels[ID], True, gone)
    return Observed(item.metadata.labels[ID], False)


def _of_pod(pod: Mapping[str, Any]) -> Observed:
    id = pod["metadata"]["labels"][ID]
    if has_ended(pod):
        return Observed(id, True, why_it_ended(pod))
    stuck = why_it_cannot_start(pod)
    return Observed(id, stuck is not None, stuck)


async def _unless_there(creation: Awaitable[Any]) -> bool:
    """Whether the object was made now; False when there is one already."""
    try:
        await creation
    except ApiException as error:
        if error.status != CONFLICT:
            raise
        return False
    return True
