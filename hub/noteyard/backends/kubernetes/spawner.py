"""JupyterHub's spawner on Kubernetes: KubeSpawner, with failures told in words within seconds."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import httpx
from kubernetes_asyncio.client import ApiException
from kubespawner import KubeSpawner

from noteyard.backends.kubernetes.cluster import refused
from noteyard.backends.kubernetes.lab_environment import lab_environment
from noteyard.backends.kubernetes.manifests import PERSON, resources
from noteyard.backends.kubernetes.pod_states import (
    has_ended,
    why_it_cannot_start,
    why_it_ended,
    why_it_waits,
)
from noteyard.errors import NoteyardError
from noteyard.hub_pages import LabFailed
from noteyard.lab_profiles import ProfileChoice
from noteyard.names import host_label
from noteyard.profiles import choose_profile, title_of
from noteyard.settings import Profile

LOOK_SECONDS = 0.2
LOG_LINES = 20


class PodSpawner(ProfileChoice, KubeSpawner):  # type: ignore[misc]
    """A lab is a pod of the profile's image."""

    async def load_user_options(self) -> None:
        """Take over the profile: its image, and what it gets of a node."""
        profile = self._profile()
        self.extra_labels = self.storage_extra_labels = {PERSON: host_label(self.user.name)}
        self.extra_annotations = {PERSON: self.user.name}
        wants = resources(profile)
        self.image = profile.image
        self.cpu_limit, self.cpu_guarantee = profile.cpu, float(wants["requests"]["cpu"])
        # KubeSpawner's M is Kubernetes' Mi.
        self.mem_limit = f"{profile.memory_mb}M" if profile.memory_mb else None
        self.mem_guarantee = wants["requests"]["memory"].removesuffix("i")
        self.extra_resource_limits = {"nvidia.com/gpu": str(profile.gpus)} if profile.gpus else {}
        self.node_selector = profile.node_selector

    async def start(self) -> str:
        """Returns the lab's internal URL once it answers. Raises LabFailed in words."""
        try:
            self._profile()
            url = await self._watched(super().start())
            await self._watched(self._until_up(url))
        except NoteyardError as error:
            raise LabFailed(f"Your lab can't be started. {error}", "lab-not-startable") from None
        except ApiException as error:
            raise LabFailed(f"Your lab can't be started. {refused(error)}", "lab-refused") from None
        return str(url)

    def get_env(self) -> dict[str, str]:
        return {**super().get_env(), **lab_environment(self.settings, self.user.name, self._profile())}

    def _profile(self) -> Profile:
        profile = choose_profile(self.settings, self._person(), self.user_options.get("profile"))
        if profile.image is None:
            raise NoteyardError(
                f"The profile {title_of(profile)} has no image.", "An administrator sets it in the chart's values."
            )
        return profile

    async def _watched(self, work: Any) -> Any:
        """The result of `work`, unless the pod shows meanwhile that it comes to nothing."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                await asyncio.wait([task], timeout=LOOK_SECONDS)
                await self._fail_early()
            return task.result()
        except BaseException:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise

    async def _fail_early(self) -> None:
        pod = self._pod()
        if pod is None:
            return
        stuck = why_it_cannot_start(pod)
        if stuck is not None:
            raise LabFailed(f"Your lab can't be started. {stuck}", "lab-not-startable")
        if has_ended(pod):
            said = f"Your lab ended while it was starting: {why_it_ended(pod)}."
            raise LabFailed(said, "lab-exited", await self._last_lines())
        waits = why_it_waits(pod)
        if waits is not None and self._waited > self.settings.kubernetes.unschedulable_seconds:
            hint = "Choose a smaller profile, try again later, or ask an administrator for a larger cluster."
            raise LabFailed(f"{waits}. {hint}", "lab-unschedulable")

    @property
    def _waited(self) -> float:
        """Seconds since the spawn began."""
        started = self.orm_spawner.started
        return time.time() - started.timestamp() if started is not None else 0.0

    def _pod(self) -> Mapping[str, Any] | None:
        reflector = self.pod_reflector
        pod: Mapping[str, Any] | None = reflector.pods.get(f"{self.namespace}/{self.pod_name}") if reflector else None
        return pod

    async def _until_up(self, url: str) -> None:
        deadline = time.monotonic() + self.settings.labs.start_timeout_seconds
        async with httpx.AsyncClient(timeout=2, trust_env=False) as http:
            while not await self._answers(http, url):
                if time.monotonic() > deadline:
                    waited = self.settings.labs.start_timeout_seconds
                    said = f"Your lab did not answer within {waited} seconds."
                    raise LabFailed(said, "lab-silent", await self._last_lines())
                await asyncio.sleep(LOOK_SECONDS)

    async def _answers(self, http: httpx.AsyncClient, url: str) -> bool:
        try:
            answer = await http.get(f"{url}{self.server.base_url}api")
        except httpx.TransportError:
            return False
        return answer.status_code == 200

    async def _last_lines(self) -> str:
        try:
            text = await self.api.read_namespaced_pod_log(
                self.pod_name, self.namespace, container="notebook", tail_lines=LOG_LINES
            )
        except ApiException:
            return ""  # the pod is gone, and its log with it
        return str(text)
