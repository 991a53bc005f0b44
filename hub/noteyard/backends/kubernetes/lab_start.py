"""One start of a lab, watched: it fails as soon as its pod shows that it comes to nothing."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from kubernetes_asyncio.client import ApiException

from noteyard.backends.kubernetes.cluster import AWAY
from noteyard.backends.kubernetes.lab_progress import Stage, stage
from noteyard.backends.kubernetes.lab_troubles import (
    LAB,
    Patience,
    Trouble,
    adds_a_node,
    held_up,
    trouble,
)
from noteyard.backends.kubernetes.node_setup import Event, moment
from noteyard.backends.kubernetes.pod_states import Pod, container_states
from noteyard.hub_pages import LabFailed
from noteyard.lab_http import lab_answers

T = TypeVar("T")

LOOK_SECONDS = 0.2
ASK_SECONDS = 0.1
CLAIM_SECONDS = 2.0
"""How often the home's claim is looked at while no node takes the pod."""
NO_ROOM = ("No space left on device", "Disk quota exceeded")


class LabStart:
    """Watches the pod of a spawner (PodSpawner) from its creation until JupyterLab answers."""

    def __init__(self, spawner: Any, clock: Callable[[], float] = time.monotonic) -> None:
        self._spawner = spawner
        self._clock = clock
        options = spawner.settings.kubernetes
        self._patience = Patience(options.unschedulable_seconds, options.new_node_seconds)
        self._percent = 0
        self._claim: list[Event] = []
        self._claim_read = 0.0
        self._problem: Trouble | None = None
        self._since: dict[str, float] = {}
        self._there = False

    def created(self) -> None:
        """The pod is there from now on: when it is not, somebody has deleted it, also before it was ever seen."""
        self._there = True

    async def watched(self, work: Awaitable[T]) -> T:
        """The result of `work`, unless the pod shows meanwhile that it comes to nothing. Raises LabFailed."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                await asyncio.wait([task], timeout=LOOK_SECONDS)
                if not task.done():
                    await self._look()
            return task.result()
        except BaseException:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise

    def stage(self) -> Stage:
        """How far it has come; never less far than before, as when another image is pulled."""
        pod = self._pod()
        found = stage(pod, self._events(pod) if pod is not None else [], self._problem)
        self._percent = max(self._percent, found.percent)
        return replace(found, percent=self._percent)

    async def made_and_up(self, making: "asyncio.Future[Any]") -> str:
        """The lab's internal URL once it answers, while KubeSpawner makes its pod and waits for the kubelet's word.

        That word comes about a second after the fact, and KubeSpawner listens for it at intervals of seconds.
        """
        up = asyncio.ensure_future(self.until_up())
        try:
            await asyncio.wait([making, up], return_when=asyncio.FIRST_COMPLETED)
            if not up.done():
                await making
            return await up
        finally:
            for task in (making, up):
                task.cancel()
            await asyncio.gather(making, up, return_exceptions=True)

    async def until_up(self) -> str:
        """The lab's internal URL once JupyterLab answers there, be the pod's containers said to run or not."""
        while True:
            pod = await self._spawner.known_pod() if self._there else None
            if pod is not None and self._may_answer(pod):
                url = str(self._spawner._get_pod_url(pod))
                if await lab_answers(f"{url}{self._spawner.server.base_url}"):
                    return url
            await asyncio.sleep(ASK_SECONDS)

    def _may_answer(self, pod: Pod) -> bool:
        return self._ours(pod) and bool(pod["status"].get("podIP")) and "deletionTimestamp" not in pod["metadata"]

    async def _look(self) -> None:
        pod = self._pod()
        if pod is None or "deletionTimestamp" in pod["metadata"]:
            await self._fail_if_held_up()
            await self._fail_if_gone()
            return
        self._there = True
        await self._read_claim(pod)
        found = trouble(pod, self._events(pod), self._claim, self._patience, self._node_comes())
        self._keep(found)
        if found is not None and self._lasts(found.reason) >= found.patience:
            await self._fail(found)
        await self._fail_if_late(pod)

    async def _fail_if_held_up(self) -> None:
        earlier = self._named()
        found = held_up(earlier, datetime.now(UTC)) if earlier is not None and not self._there else None
        if found is not None:
            await self._fail(found)

    async def _fail_if_gone(self) -> None:
        # The reflector may lag: gone is what the API says is gone.
        if not self._there or self._ours(await self._spawner.known_pod()):
            return
        hint = "Try again. If it happens again, ask an administrator who or what deletes it."
        raise LabFailed("Your lab's pod was deleted while it started.", "lab-deleted", hint=hint)

    async def _fail_if_late(self, pod: Pod) -> None:
        options = self._spawner.settings
        running = any("running" in state for name, state in container_states(pod) if name == LAB)
        if running and self._lasts("running") > options.labs.start_timeout_seconds:
            said = f"Your lab did not answer within {options.labs.start_timeout_seconds} seconds."
            hint = "Try again. If it happens again, start in rescue mode, or show this to an administrator."
            raise LabFailed(said, "lab-silent", await self._spawner.last_lines(), hint=hint)
        placed = pod.get("spec", {}).get("nodeName")
        if placed and not running and self._lasts("placed") > options.kubernetes.pull_seconds:
            said = f"Your lab's machine was not ready for it within {options.kubernetes.pull_seconds} seconds."
            hint = "Try again. If it happens again, show this to an administrator."
            raise LabFailed(said, "lab-slow-node", hint=hint, detail=self._last_event(pod))

    async def _fail(self, found: Trouble) -> None:
        log = await self._spawner.last_lines() if found.reason == "lab-exited" else ""
        if any(words in log for words in NO_ROOM):
            said = "Your home is full, and your lab could not start in it."
            hint = "Start in rescue mode, delete what you no longer need, then start your lab as usual."
            raise LabFailed(said, "lab-home-full", log, hint=hint)
        raise LabFailed(found.message, found.reason, log, hint=found.hint, detail=found.detail)

    def _keep(self, found: Trouble | None) -> None:
        # What has passed and comes back later has its whole patience again.
        before, self._problem = self._problem, found
        if before is not None and (found is None or found.reason != before.reason):
            self._since.pop(before.reason, None)

    def _lasts(self, what: str) -> float:
        """Seconds since this was first seen."""
        moment = self._clock()
        return moment - self._since.setdefault(what, moment)

    def _pod(self) -> Mapping[str, Any] | None:
        pod = self._named()
        return pod if self._ours(pod) else None

    def _named(self) -> Mapping[str, Any] | None:
        """The pod of the lab's name, of this start or of an earlier one."""
        pod: Mapping[str, Any] | None = self._spawner.seen()
        return pod

    def _ours(self, pod: Mapping[str, Any] | None) -> bool:
        if pod is None:
            return False
        mark = (pod["metadata"].get("annotations") or {}).get("noteyard/start")
        return not self._spawner.start_id or mark == self._spawner.start_id

    def _node_comes(self) -> bool:
        return adds_a_node(self._all_events(), datetime.now(UTC), self._patience)

    def _events(self, pod: Pod) -> list[Event]:
        uid = pod["metadata"]["uid"]
        return sorted((event for event in self._all_events() if event["involvedObject"].get("uid") == uid), key=moment)

    def _all_events(self) -> list[Event]:
        """Those of all pods of the namespace."""
        reflector = self._spawner.event_reflector
        return list(reflector.resources.values()) if reflector is not None else []

    def _last_event(self, pod: Pod) -> str:
        events = self._events(pod)
        return str(events[-1].get("message", "")) if events else ""

    async def _read_claim(self, pod: Pod) -> None:
        """Keep the events of a claim that is not bound, as long as no node has taken the pod."""
        if pod.get("spec", {}).get("nodeName"):
            self._claim = []
            return
        if self._clock() - self._claim_read < CLAIM_SECONDS:
            return
        self._claim_read = self._clock()
        spawner = self._spawner
        try:
            claim = await spawner.api.read_namespaced_persistent_volume_claim(spawner.pvc_name, spawner.namespace)
            if claim.status.phase == "Bound":
                self._claim = []
                return
            of_claim = f"involvedObject.kind=PersistentVolumeClaim,involvedObject.name={spawner.pvc_name}"
            events = await spawner.api.list_namespaced_event(spawner.namespace, field_selector=of_claim)
        except (ApiException, *AWAY) as error:
            spawner.log.warning("The claim %s can't be read: %r", spawner.pvc_name, error)
            return
        plain = [spawner.api.api_client.sanitize_for_serialization(event) for event in events.items]
        self._claim = sorted(plain, key=moment)
