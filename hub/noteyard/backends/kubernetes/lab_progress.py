"""How far a lab's start has come, in words for the waiting page. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from noteyard.backends.kubernetes.lab_troubles import LAB, Trouble
from noteyard.backends.kubernetes.node_setup import Event
from noteyard.backends.kubernetes.pod_states import Pod, container_states


@dataclass(frozen=True)
class Stage:
    """`percent` of the start that is done, and a sentence."""

    percent: int
    sentence: str


ASKED = Stage(5, "Asking the cluster for a place …")
WAITING = Stage(10, "Looking for a machine with room for your lab …")
PLACED = Stage(25, "A machine was found. Attaching your home …")
PULLING = Stage(40, "Fetching the profile's image. The first lab on a machine takes some minutes …")
PREPARING = Stage(55, "Preparing your lab's data …")
STARTING = Stage(70, "Starting your lab …")
RUNNING = Stage(80, "JupyterLab is starting …")


def stage(pod: Pod | None, events: Sequence[Event], problem: Trouble | None) -> Stage:
    """Where the start is. `events` are the pod's own; `problem` is what may pass."""
    reached = _reached(pod, events) if pod is not None else ASKED
    if problem is None:
        return reached
    going_on = "This takes some minutes" if problem.message.startswith("The cluster adds") else "Trying again"
    return Stage(reached.percent, f"{problem.message} {going_on} …")


def _reached(pod: Pod, events: Sequence[Event]) -> Stage:
    states = dict(container_states(pod))
    if "running" in states.get(LAB, {}):
        return RUNNING
    if not pod.get("spec", {}).get("nodeName"):
        return WAITING
    said = [event.get("reason") for event in events if _of_container(event)]
    if "Pulling" in said and "Pulled" not in said[said.index("Pulling") :]:
        return PULLING
    # The helpers' images are pulled first; of the lab's own the event may come before the pod's new state.
    if any(event.get("reason") == "Pulled" and _of_lab(event) for event in events):
        return STARTING
    waits = states.get(LAB, {}).get("waiting", {}).get("reason") == "PodInitializing"
    return PREPARING if waits and _helpers_begun(pod) else PLACED


def _of_container(event: Event) -> bool:
    return "ontainers{" in _path(event)


def _of_lab(event: Event) -> bool:
    return _path(event) == f"spec.containers{{{LAB}}}"


def _path(event: Event) -> str:
    return str(event.get("involvedObject", {}).get("fieldPath", ""))


def _helpers_begun(pod: Pod) -> bool:
    helpers = pod.get("status", {}).get("initContainerStatuses") or []
    return any("running" in (helper.get("state") or {}) for helper in helpers)
