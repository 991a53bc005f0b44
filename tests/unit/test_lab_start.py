"""A lab's start and end, watched by what the reflectors show."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from noteyard.backends.kubernetes.lab_end import ended_in_time
from noteyard.backends.kubernetes.lab_start import LabStart
from noteyard.backends.kubernetes.spawner import PodSpawner
from noteyard.hub_pages import LabFailed
from noteyard.kubernetes_settings import Kubernetes
from noteyard.settings import Profile, Settings


def pod(start: str, *, seconds_over: float | None = None, **status: Any) -> dict[str, Any]:
    """A lab's pod of this start; `seconds_over` its grace, when it was deleted."""
    metadata: dict[str, Any] = {"name": "lab-ada", "uid": start, "annotations": {"noteyard/start": start}}
    if seconds_over is not None:
        due = datetime.now(UTC) - timedelta(seconds=seconds_over)
        metadata["deletionTimestamp"] = due.isoformat().replace("+00:00", "Z")
    return {"metadata": metadata, "spec": {"nodeName": "node-7"}, "status": {"phase": "Running", **status}}


class Seen:
    """What the reflector shows of the lab's pod; `twice` is set when it was looked at a second time."""

    def __init__(self, found: dict[str, Any] | None) -> None:
        self.found = found
        self.looks = 0
        self.twice = asyncio.Event()

    def __call__(self) -> dict[str, Any] | None:
        self.looks += 1
        if self.looks == 2:
            self.twice.set()
        return self.found


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def starting(seen: Seen, events: list[dict[str, Any]] | None = None, clock: Clock | None = None) -> LabStart:
    """The start `now`, whose spawner sees this; its home has a volume."""

    async def known_pod() -> dict[str, Any] | None:
        return seen.found

    async def claim(*_: Any) -> Any:
        return SimpleNamespace(status=SimpleNamespace(phase="Bound"))

    return LabStart(
        SimpleNamespace(
            settings=Settings(),
            start_id="now",
            namespace="users",
            pvc_name="home-ada",
            api=SimpleNamespace(read_namespaced_persistent_volume_claim=claim),
            event_reflector=events_of(events or []),
            seen=seen,
            known_pod=known_pod,
        ),
        clock or Clock(),
    )


def events_of(events: list[dict[str, Any]]) -> Any:
    return SimpleNamespace(resources=dict(enumerate(events)))


async def for_ever(*_: Any, **__: Any) -> None:
    await asyncio.Event().wait()


@pytest.fixture
async def spawner(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PodSpawner]:
    """A spawner as KubeSpawner makes it for tests, without a hub and a cluster."""
    monkeypatch.setattr("kubespawner.spawner.load_config", lambda **_: None)
    options = Kubernetes(image_pull_policy="Always")
    profiles = [Profile(name="default", image="example/lab:1")]
    made = PodSpawner(_mock=True, settings=Settings(kubernetes=options, profiles=profiles))
    made.user.groups = []
    yield made
    await made.api.api_client.close()


async def test_a_start_fails_in_words_when_the_lab_of_before_is_on_a_lost_node() -> None:
    with pytest.raises(LabFailed) as failed:
        await starting(Seen(pod("before", seconds_over=90))).watched(for_ever())
    said = failed.value.jupyterhub_message
    assert said.startswith("Your lab of before has not ended: its machine does not answer. An administrator has to")
    assert "The pod lab-ada on the node node-7 was to end by" in said
    assert said.endswith("kubectl delete node node-7)")


async def test_a_start_waits_for_the_lab_of_before_to_end_in_its_grace() -> None:
    seen = Seen(pod("before", seconds_over=-20))
    assert await starting(seen).watched(seen.twice.wait())


async def test_a_start_waits_for_a_node_that_comes_for_another_pod() -> None:
    lacking = pod("now", phase="Pending", conditions=[{"type": "PodScheduled", "status": "False", "message": "0/3"}])
    lacking["spec"]["nodeName"] = ""
    adding = {"reason": "TriggeredScaleUp", "metadata": {}, "involvedObject": {"uid": "another"}}
    seen = Seen(lacking)
    start = starting(seen, [adding | {"lastTimestamp": datetime.now(UTC).isoformat()}])
    await start.watched(seen.twice.wait())
    assert start.stage().sentence.startswith("The cluster adds a machine, which may have room for your lab.")


async def test_a_trouble_that_has_passed_and_comes_back_has_its_whole_patience() -> None:
    creating = [{"name": "notebook", "state": {"waiting": {"reason": "ContainerCreating"}}}]
    seen, clock = Seen(pod("now", phase="Pending", containerStatuses=creating)), Clock()
    start = starting(seen, clock=clock)

    def says(reason: str, second: int) -> dict[str, Any]:
        said = {"reason": reason, "metadata": {}, "involvedObject": {"uid": "now"}}
        return said | {"lastTimestamp": f"2026-11-02T09:00:{second:02}Z"}

    async def look(at: float, *events: dict[str, Any]) -> str:
        clock.now, start._spawner.event_reflector = at, events_of(list(events))
        seen.looks = 0
        seen.twice.clear()
        await start.watched(seen.twice.wait())
        return start.stage().sentence

    failed, pulling = says("FailedMount", 1), says("Pulling", 2)
    assert "can't be attached" in await look(0, failed)
    assert "can't be attached" not in await look(80, failed, pulling)
    again = says("FailedMount", 3)
    assert "can't be attached" in await look(100, failed, pulling, again)
    assert "can't be attached" in await look(180, failed, pulling, again)
    with pytest.raises(LabFailed):
        await look(190, failed, pulling, again)


async def test_an_end_on_a_lost_node_is_not_waited_for() -> None:
    assert not await ended_in_time(for_ever(), Seen(pod("now", seconds_over=90)))
    ending = Seen(pod("now", seconds_over=-20))
    assert await ended_in_time(ending.twice.wait(), ending)
    gone = Seen(None)
    assert await ended_in_time(gone.twice.wait(), gone)


async def test_a_lab_on_a_lost_node_is_stopped_though_its_pod_stays(
    spawner: PodSpawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kubespawner.KubeSpawner.stop", for_ever)
    monkeypatch.setattr(spawner, "_watching", lambda: asyncio.sleep(0))
    monkeypatch.setattr(spawner, "seen", lambda: pod("now", seconds_over=90))
    await spawner.stop()


async def test_autoscalers_leave_a_lab_where_it_is(spawner: PodSpawner) -> None:
    await spawner.load_user_options()
    assert spawner.extra_annotations["karpenter.sh/do-not-disrupt"] == "true"
    assert spawner.extra_annotations["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"


def test_the_progress_of_a_start_never_goes_back() -> None:
    waiting = pod("now", phase="Pending", initContainerStatuses=[{"name": "s3-mount", "state": {"running": {}}}])
    waiting["status"]["containerStatuses"] = [{"name": "notebook", "state": {"waiting": {"reason": "PodInitializing"}}}]
    place = {"kind": "Pod", "name": "lab-ada", "uid": "now", "fieldPath": "spec.containers{notebook}"}
    pulling = {"metadata": {}, "reason": "Pulling", "involvedObject": place}
    events: list[dict[str, Any]] = []
    start = starting(Seen(waiting), events)
    before = start.stage()
    start._spawner.event_reflector = events_of([pulling])
    after = start.stage()
    assert (before.percent, after.percent) == (55, 55)
    assert before.sentence != after.sentence
