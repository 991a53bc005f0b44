"""Why a lab's pod does not start, for the person who waits: a sentence, the next step, how long to hope. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from noteyard.backends.kubernetes.node_setup import MOUNTS, Event, moment, unmounted, what_fails
from noteyard.backends.kubernetes.pinned_images import missing_image
from noteyard.backends.kubernetes.pod_states import (
    NO_CONTAINER,
    NO_IMAGE,
    Pod,
    container_states,
    does_not_end,
    ended_by_the_cluster,
    has_ended,
    image_is_refused,
    was_refused,
    why_it_ended,
)
from noteyard.backends.kubernetes.unschedulable import home_is_being_made, missing_home, why_no_node

LAB = "notebook"
"""KubeSpawner's name of the container that JupyterLab runs in."""

SCALING = frozenset({"TriggeredScaleUp", "Nominated"})
"""What the cluster's autoscaler and Karpenter say of a pod that they add a node for."""
NOT_SCALING = frozenset({"NotTriggerScaleUp"})

NO_IMAGE_HINT = "Choose another profile, and tell an administrator: the image's name or the access to it is wrong."
AGAIN_HINT = "Try again in a few minutes. If it stays so, show what stands below to an administrator."
ANOTHER_IMAGE_HINT = "Start your lab again: it then gets the profile's image of today."

PULL_PATIENCE = 20.0
MOUNT_PATIENCE = 90.0
SANDBOX_PATIENCE = 60.0
CLAIM_PATIENCE = 10.0
BINDING_PATIENCE = 90.0
"""Seconds that something may last which the cluster tries again by itself and which often passes."""


@dataclass(frozen=True)
class Patience:
    """Seconds that a lab may wait for room on a node: by itself, and while a node is being added."""

    no_node: float
    new_node: float


@dataclass(frozen=True)
class Trouble:
    """What is wrong, in one sentence, and what to do next.

    `reason` is a short label for metrics, `detail` what the cluster said, for an administrator. After `patience`
    seconds the lab has failed; until then the waiting page shows `message`.
    """

    message: str
    hint: str
    reason: str
    detail: str = ""
    patience: float = 0.0


def trouble(
    pod: Pod, events: Sequence[Event], claim: Sequence[Event], patience: Patience, node_comes: bool = False
) -> Trouble | None:
    """What keeps the pod from starting; None while all goes well.

    `events` are the pod's own, `claim` those of the home's claim; `node_comes`: see `adds_a_node`.
    """
    return _ended(pod) or _stuck(pod) or _no_node(pod, events, claim, patience, node_comes) or _not_set_up(pod, events)


def held_up(earlier: Pod, now: datetime) -> Trouble | None:
    """What keeps the pod from being made: an earlier one of its name that does not end, most often on a lost node."""
    if not does_not_end(earlier, now):
        return None
    known, node = earlier["metadata"], earlier["spec"]["nodeName"]
    return Trouble(
        "Your lab of before has not ended: its machine does not answer.",
        "An administrator has to give the machine up; show them what stands below. Your saved files are kept.",
        "lab-held-up",
        f"The pod {known['name']} on the node {node} was to end by {known['deletionTimestamp']}. "
        f"If the machine is gone: kubectl delete node {node}",
    )


def adds_a_node(events: Iterable[Event], now: datetime, patience: Patience) -> bool:
    """Whether the autoscaler has said of any pod, not long ago, that it adds a node for it.

    It says nothing of pods that will fit on a node which it adds already.
    """
    since = now - timedelta(seconds=patience.new_node)
    return any(event.get("reason") in SCALING and datetime.fromisoformat(moment(event)) > since for event in events)


def lab_has_ended(pod: Pod) -> bool:
    """Whether JupyterLab runs no more; a helper in the pod may still be saving."""
    return has_ended(pod) or any("terminated" in state for name, state in container_states(pod) if name == LAB)


def exit_code(pod: Pod) -> int:
    """That of JupyterLab's process, or 1 when the cluster does not tell."""
    for name, state in container_states(pod):
        if name == LAB and "terminated" in state:
            return int(state["terminated"].get("exitCode", 1))
    return 1


def _ended(pod: Pod) -> Trouble | None:
    if not lab_has_ended(pod):
        return None
    by_the_cluster = ended_by_the_cluster(pod)
    if by_the_cluster is not None:
        refused = was_refused(pod)
        return Trouble(
            "The machine did not take your lab." if refused else "The cluster ended your lab while it was starting.",
            "Try again. If it happens again, show what stands below to an administrator.",
            "lab-displaced",
            ": ".join(by_the_cluster),
        )
    said: Mapping[str, Any] = next(
        (state["terminated"] for name, state in container_states(pod) if "terminated" in state), {}
    )
    if said.get("reason") in ("StartError", "ContainerCannotRun"):
        return Trouble(
            "The image of this profile can't run a lab.",
            "Choose another profile, and tell an administrator: the image needs Python and noteyard-lab on its PATH.",
            "lab-image-unusable",
            str(said.get("message", "")),
        )
    return Trouble(
        f"Your lab ended while it was starting: {why_it_ended(pod)}.",
        "Try again. If it happens again, start in rescue mode, or show what stands below to an administrator.",
        "lab-exited",
    )


def _stuck(pod: Pod) -> Trouble | None:
    for name, state in container_states(pod):
        waiting = state.get("waiting") or {}
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        if reason in NO_IMAGE:
            return Trouble(
                "The image of this profile can't be fetched.",
                ANOTHER_IMAGE_HINT if missing_image(pod) is not None else NO_IMAGE_HINT,
                "lab-no-image",
                f"{reason}: {message}" if message else reason,
                0.0 if image_is_refused(reason, message) else PULL_PATIENCE,
            )
        if reason in NO_CONTAINER or (name != LAB and reason == "CrashLoopBackOff"):
            return Trouble(
                "A part of your lab can't be started.",
                AGAIN_HINT,
                "lab-no-container",
                f"{name}: {reason}: {message}",
            )
    return None


def _no_node(
    pod: Pod, events: Sequence[Event], claim: Sequence[Event], patience: Patience, node_comes: bool
) -> Trouble | None:
    if pod.get("spec", {}).get("nodeName"):
        return None
    refusal = _condition(pod, "PodScheduled")
    said = str(refusal.get("message") or "") if refusal.get("status") == "False" else ""
    refused_claims = [event for event in claim if event.get("type") == "Warning"]
    if refused_claims or missing_home(said):
        return _no_home(said, refused_claims)
    if not said:
        return None
    reasons = {event.get("reason") for event in events}
    message, hint = why_no_node(said, pod)
    if reasons & SCALING:
        return Trouble("The cluster adds a machine for your lab.", hint, "lab-no-node", said, patience.new_node)
    if reasons & NOT_SCALING:
        return Trouble(message, hint, "lab-no-node", said)
    if node_comes:
        message = "The cluster adds a machine, which may have room for your lab."
        return Trouble(message, hint, "lab-no-node", said, patience.new_node)
    return Trouble(message, hint, "lab-no-node", said, patience.no_node)


def _no_home(said: str, refused_claims: Sequence[Event]) -> Trouble:
    # Clouds take their time to make a volume, and say nothing meanwhile.
    made = not refused_claims and home_is_being_made(said)
    return Trouble(
        "The volume for your home is not there yet." if made else "The volume for your home can't be had.",
        "This is an administrator's to repair; show them what stands below. Your files, if you had any, are kept.",
        "lab-no-home",
        str(refused_claims[-1].get("message", "")) if refused_claims else said,
        BINDING_PATIENCE if made else CLAIM_PATIENCE,
    )


def _not_set_up(pod: Pod, events: Sequence[Event]) -> Trouble | None:
    if any("running" in state for name, state in container_states(pod) if name == LAB):
        return None
    warning = what_fails(pod, events)
    if warning is None:
        return None
    detail = str(warning.get("message", ""))
    if warning.get("reason") in MOUNTS:
        said = f"{unmounted(pod, detail)} can't be attached to the machine yet."
        return Trouble(said, AGAIN_HINT, "lab-no-mount", detail, MOUNT_PATIENCE)
    said = "The machine can't set up your lab's network yet."
    return Trouble(said, AGAIN_HINT, "lab-no-sandbox", detail, SANDBOX_PATIENCE)


def _condition(pod: Pod, kind: str) -> Mapping[str, Any]:
    conditions = pod.get("status", {}).get("conditions") or []
    return next((condition for condition in conditions if condition.get("type") == kind), {})
