"""Dashboards as Deployments and Services: one for each version, at most one pod, none while it sleeps."""

from collections.abc import Mapping
from typing import Any

from noteyard.backends.base import Observed, Start
from noteyard.backends.kubernetes.cluster import Cluster, asking, if_there, unless_changed, unless_there
from noteyard.backends.kubernetes.image_pods import image_of_start
from noteyard.backends.kubernetes.judging import judge_workloads
from noteyard.backends.kubernetes.manifests import (
    DASHBOARD,
    DASHBOARDS,
    ID,
    Kind,
    Manifest,
    access_secret,
    object_name,
    selector,
)
from noteyard.backends.kubernetes.observing import Observing
from noteyard.backends.kubernetes.pinned_images import pin
from noteyard.backends.kubernetes.starting import used_profile, with_data
from noteyard.backends.kubernetes.watched import Watched
from noteyard.backends.kubernetes.workload_manifests import (
    ASLEEP,
    BEFORE,
    deployment,
    led_to,
    service,
    start_of,
    version_of,
    workload_name,
)
from noteyard.settings import Settings


class KubernetesWorkloadHost:
    """Implements WorkloadHost; `kind` is what starts a launcher (tests put their own)."""

    def __init__(self, settings: Settings, cluster: Cluster, kind: Kind = DASHBOARDS) -> None:
        self._kind = kind
        self._settings = settings
        self._options = settings.kubernetes
        self._where = settings.kubernetes.namespace
        self._cluster = cluster
        mine = self._where, selector(self._options.release, DASHBOARD)
        self._observing = Observing(
            Watched(self._deployments, *mine), Watched(self._pods, *mine), judge_workloads(self._options)
        )

    async def apply(self, start: Start) -> None:
        """Make the start's pod exist. Raises NoteyardError when the cluster refuses."""
        profile = used_profile(self._settings, start.profile)
        wanted = deployment(self._kind, start, profile, self._options)
        wanted = with_data(wanted, self._settings, self._kind, start)
        apps = await self._cluster.apps()
        with asking():
            image = await image_of_start(await self._cluster.core(), self._options, str(profile.image), start)
            wanted = pin(wanted, image)
            # Without a pod at first: what the pod needs belongs to the Deployment, which must be there before.
            asleep = wanted | {"spec": wanted["spec"] | ASLEEP["spec"]}
            made = await unless_there(apps.create_namespaced_deployment(self._where, asleep))
            while not await self._woken(start, wanted, made):
                made = None
        self._observing.expect(start.id)

    async def sleep(self, id: str) -> None:
        """Let the Deployment have no pod, unless it has begun another start already."""
        with asking():
            while not await unless_changed(self._put_to_sleep(id)):
                pass  # a start that came in between is seen now

    async def delete(self, id: str) -> None:
        """Delete the Deployment, and with it pod, Service and Secret, unless it has begun another start already."""
        with asking():
            while not await unless_changed(self._delete(id)):
                pass

    async def observe(self) -> Mapping[str, Observed]:
        return await self._observing.observe()

    async def close(self) -> None:
        await self._observing.close()

    async def _put_to_sleep(self, id: str) -> None:
        apps = await self._cluster.apps()
        found = await if_there(apps.read_namespaced_deployment(workload_name(id), self._where))
        if found is not None and _id(await self._json(found)) == id and found.spec.replicas:
            version = {"metadata": {"resourceVersion": found.metadata.resource_version}}
            await apps.patch_namespaced_deployment(workload_name(id), self._where, ASLEEP | version)

    async def _delete(self, id: str) -> None:
        apps = await self._cluster.apps()
        found = await if_there(apps.read_namespaced_deployment(workload_name(id), self._where))
        if found is None or start_of(_id(await self._json(found))) > start_of(id):
            return
        unchanged: Any = {"preconditions": {"resourceVersion": found.metadata.resource_version}}
        await if_there(
            apps.delete_namespaced_deployment(
                workload_name(id), self._where, propagation_policy="Background", body=unchanged
            )
        )

    async def _woken(self, start: Start, wanted: Manifest, made: Any) -> bool:
        """Wake the Deployment if need be; False when somebody (Kubernetes itself, say) changed it meanwhile."""
        apps = await self._cluster.apps()
        found = await self._json(made or await apps.read_namespaced_deployment(workload_name(start.id), self._where))
        # An older start's deed that comes late changes nothing.
        if start_of(_id(found)) > start_of(start.id) or _is_up(found, start.id):
            return True
        return await unless_changed(self._wake(start, wanted, found))

    async def _wake(self, start: Start, wanted: Manifest, found: Manifest) -> None:
        apps, core = await self._cluster.apps(), await self._cluster.core()
        secret = access_secret(self._kind, start, self._options, found)
        if await unless_there(core.create_namespaced_secret(self._where, secret)) is None:
            await core.replace_namespaced_secret(secret["metadata"]["name"], self._where, secret)
        if (
            await unless_there(core.create_namespaced_service(self._where, service(start, self._options, found)))
            is None
        ):
            await core.patch_namespaced_service(workload_name(start.id), self._where, led_to(start.id))
        known = {"resourceVersion": found["metadata"]["resourceVersion"], "annotations": {BEFORE: _id(found)}}
        wanted["metadata"].update(known)
        await apps.replace_namespaced_deployment(workload_name(start.id), self._where, wanted)
        for id in _starts_before(start.id, found):
            await if_there(core.delete_namespaced_secret(object_name(DASHBOARDS, id), self._where))

    async def _json(self, found: Any) -> Manifest:
        known = (await self._cluster.client()).sanitize_for_serialization(found)
        return {"apiVersion": "apps/v1", "kind": "Deployment", **known}

    async def _deployments(self) -> Any:
        return (await self._cluster.apps()).list_namespaced_deployment

    async def _pods(self) -> Any:
        return (await self._cluster.core()).list_namespaced_pod


def _id(found: Manifest) -> str:
    return str(found["metadata"]["labels"][ID])


def _starts_before(id: str, found: Manifest) -> list[str]:
    """Starts whose Secrets may still be there: since the one before the Deployment's last, those that failed too."""
    since = found["metadata"].get("annotations", {}).get(BEFORE, _id(found))
    return [f"{version_of(id)}.{number}" for number in range(start_of(since), start_of(id))]


def _is_up(found: Manifest, id: str) -> bool:
    return _id(found) == id and found["spec"].get("replicas") == 1
