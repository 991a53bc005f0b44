"""Runs as Jobs."""

from collections.abc import Mapping
from typing import Any

from noteyard.backends.base import Observed, Start
from noteyard.backends.kubernetes.cluster import Cluster, asking, if_there, unless_there
from noteyard.backends.kubernetes.image_pods import image_of_start
from noteyard.backends.kubernetes.judging import judge_attempts
from noteyard.backends.kubernetes.manifests import (
    ID,
    RESUMED,
    RUN,
    RUNS,
    SAVING_SECONDS,
    Kind,
    Manifest,
    access_secret,
    job,
    object_name,
    selector,
)
from noteyard.backends.kubernetes.observing import Observing
from noteyard.backends.kubernetes.pinned_images import pin
from noteyard.backends.kubernetes.starting import used_profile, with_data
from noteyard.backends.kubernetes.watched import Watched
from noteyard.settings import Settings

KILL_SECONDS = 1
"""Not 0: a pod that is deleted so is gone for the API while its processes still run."""


class KubernetesRunner:
    """Implements Runner: an attempt is a Job of one pod; `kind` is what starts a worker (tests put their own)."""

    def __init__(self, settings: Settings, cluster: Cluster, kind: Kind = RUNS) -> None:
        self._kind = kind
        self._settings = settings
        self._options = settings.kubernetes
        self._cluster = cluster
        mine = self._options.namespace, selector(self._options.release, RUN)
        self._observing = Observing(
            Watched(self._jobs, *mine), Watched(self._pods, *mine), judge_attempts(self._options)
        )

    @property
    def ending_seconds(self) -> float:
        """A worker's own time, and that of the uploads after it: what a run has written is on its way to S3."""
        return SAVING_SECONDS + self._options.mount.ending_seconds

    async def start(self, start: Start) -> None:
        """Make Job and Secret exist, then the pod. Raises NoteyardError when the cluster refuses."""
        profile = used_profile(self._settings, start.profile)
        manifest = job(self._kind, start, profile, self._options)
        manifest = with_data(manifest, self._settings, self._kind, start)
        where, name = self._options.namespace, manifest["metadata"]["name"]
        batch = await self._cluster.batch()
        with asking():
            image = await image_of_start(await self._cluster.core(), self._options, str(profile.image), start)
            manifest = pin(manifest, image)
            made = await unless_there(batch.create_namespaced_job(where, manifest))
            made = made or await batch.read_namespaced_job(name, where)
            if made.spec.suspend:
                await self._keep_secret(access_secret(self._kind, start, self._options, await self._as_json(made)))
                await batch.patch_namespaced_job(name, where, RESUMED)
        self._observing.expect(start.id)

    async def stop(self, id: str, *, kill: bool = False) -> None:
        """Ask the pod to end in its own time, or within a second; the Job stays to tell how it ended."""
        core = await self._cluster.core()
        pods = f"{selector(self._options.release, RUN)},{ID}={id}"
        at_once: Any = {"grace_period_seconds": KILL_SECONDS} if kill else {}
        with asking():
            await core.delete_collection_namespaced_pod(self._options.namespace, label_selector=pods, **at_once)

    async def observe(self) -> Mapping[str, Observed]:
        return await self._observing.observe()

    async def clean(self, id: str) -> None:
        """Delete the Job, and with it its pod and Secret; fine when there is none."""
        batch = await self._cluster.batch()
        name, where = object_name(RUNS, id), self._options.namespace
        with asking():
            await if_there(batch.delete_namespaced_job(name, where, propagation_policy="Background"))

    async def close(self) -> None:
        await self._observing.close()

    async def _keep_secret(self, secret: Manifest) -> None:
        core, where = await self._cluster.core(), self._options.namespace
        if await unless_there(core.create_namespaced_secret(where, secret)) is None:
            # A controller before us came this far; its token is no longer the attempt's.
            await core.replace_namespaced_secret(secret["metadata"]["name"], where, secret)

    async def _as_json(self, found: Any) -> Manifest:
        known = (await self._cluster.client()).sanitize_for_serialization(found)
        return {"apiVersion": "batch/v1", "kind": "Job", **known}

    async def _jobs(self) -> Any:
        return (await self._cluster.batch()).list_namespaced_job

    async def _pods(self) -> Any:
        return (await self._cluster.core()).list_namespaced_pod
