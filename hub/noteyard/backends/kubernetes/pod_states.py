"""What the state of a pod means for a person: why it does not start, and why it ended. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

Pod = Mapping[str, Any]
"""A pod as the Kubernetes API gives it (camelCase keys)."""

NO_IMAGE = frozenset({"ErrImageNeverPull", "ErrImagePull", "ImageInspectError", "ImagePullBackOff", "InvalidImageName"})
FINAL = ("ErrImageNeverPull", "InvalidImageName")
NOT_THERE = ("not found", "manifest unknown")
REFUSED = ("not found", "denied", "unauthorized", "does not exist", "manifest unknown", "no match for platform")
MEMORY_HINT = "Work on less data at once, or use a profile with more memory."
DISK_HINT = "Write less into the run's own folders, or put large files into S3."
NOT_WANTED = 3
"""Exit code of a process that was told that it is not wanted: a pod that came in place of another can't claim."""
LAST_WORDS = 300
OVERDUE = timedelta(seconds=60)
"""A kubelet that works has told of a pod's end this long after the pod's grace, volumes and all."""
CRASHES = "CrashLoopBackOff"
NO_CONTAINER = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})


def why_it_cannot_start(pod: Pod) -> str | None:
    """One sentence when the pod can't start as it is; None else. Waiting helps only where `is_tried_again`.

    An unschedulable pod is not among them: the cluster may be about to add a node (see `why_it_waits`).
    """
    for status, reason, message in _stuck(pod):
        if reason in NO_IMAGE:
            return f"The image {status.get('image')} can't be had on the node ({reason}). {message}".strip()
        if reason == CRASHES:
            return f"Its helper {status.get('name')} ends again and again: {_end_of(status)}."
        return f"The container can't be started ({reason}). {message}".strip()
    return None


def is_tried_again(pod: Pod) -> bool:
    """Whether what keeps the pod from starting may be gone at the kubelet's next try: an image, a helper's failure."""
    return all(
        reason == CRASHES or (reason in NO_IMAGE and not image_is_refused(reason, message))
        for _, reason, message in _stuck(pod)
    )


def helper_fails(pod: Pod) -> bool:
    """Whether a helper of the pod ends again and again."""
    return any(reason == CRASHES for _, reason, _ in _stuck(pod))


def why_it_is_not_ready(pod: Pod) -> str:
    """What a pod that a node has taken still waits for, to follow a colon, as far as its state tells."""
    if _condition(pod, "PodReadyToStartContainers").get("status") == "False":
        return "its volumes or its network are not set up"
    for status in _helpers(pod):
        state = status.get("state") or {}
        if "running" in state and not status.get("started"):
            return f"its helper {status.get('name')} is not ready"
        if "terminated" in state and state["terminated"].get("exitCode"):
            return f"its helper {status.get('name')} has failed: {_end_of(status)}"
    for status in _containers(pod):
        waiting = (status.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "PodInitializing"):
            said = f"{waiting['reason']}: {waiting['message']}" if waiting.get("message") else waiting["reason"]
            return f"{said} (its image is {status.get('image')})"
    return "nothing more is known"


def scheduled_at(pod: Pod) -> str | None:
    """When a node has taken the pod, as the API writes times; None when none has."""
    placed = _condition(pod, "PodScheduled")
    return placed.get("lastTransitionTime") if placed.get("status") == "True" else None


def _stuck(pod: Pod) -> Iterator[tuple[Mapping[str, Any], str, str]]:
    """Status, reason and message of each container that can't be started as it is."""
    for status in _helpers(pod):
        if _waits_for(status) == CRASHES:
            yield status, CRASHES, ""
    for status in _containers(pod):
        reason = _waits_for(status)
        if reason in NO_IMAGE or reason in NO_CONTAINER:
            yield status, reason, status["state"]["waiting"].get("message", "")


def _waits_for(status: Mapping[str, Any]) -> str:
    waiting = (status.get("state") or {}).get("waiting") or {}
    return str(waiting.get("reason", ""))


def main_image_is_gone(pod: Pod) -> bool:
    """Whether the registry has been asked for the image of what the pod is for, and has none such."""
    waiting = [status.get("state", {}).get("waiting") or {} for status in _main_containers(pod)]
    return any(
        state.get("reason") in NO_IMAGE and any(word in state.get("message", "") for word in NOT_THERE)
        for state in waiting
    )


def image_is_refused(reason: str, message: str) -> bool:
    """Whether an image that can't be pulled won't be there a moment later either."""
    return reason in FINAL or any(word in message for word in REFUSED)


def why_it_waits(pod: Pod) -> str | None:
    """One sentence when no node takes the pod; None else."""
    refused = _condition(pod, "PodScheduled")
    if refused.get("status") != "False":
        return None
    return f"No node of the cluster can take it now: {refused.get('message') or refused.get('reason')}"


def has_ended(pod: Pod) -> bool:
    """Whether nothing of the pod runs any more."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def does_not_end(pod: Pod, now: datetime) -> bool:
    """Whether a pod that was deleted is still there a while after its grace: nobody on its node tells of its end."""
    due = pod["metadata"].get("deletionTimestamp")
    return due is not None and now - datetime.fromisoformat(due) > OVERDUE


def was_restarted(pod: Pod) -> bool:
    """Whether a container that should go on has ended at least once."""
    return any(_terminated(status) or status.get("restartCount") for status in _main_containers(pod))


def has_begun(pod: Pod) -> bool:
    """Whether its process has begun, and may have ended since."""
    states = [status.get("state", {}) for status in _main_containers(pod)]
    return any((state.get("running") or state.get("terminated") or {}).get("startedAt") for state in states)


def ended_by_the_cluster(pod: Pod) -> tuple[str, str] | None:
    """Reason and message of the cluster for a pod that it ended, or that a node refused; None else.

    A pod whose processes ended by themselves has no reason of its own.
    """
    status = pod.get("status", {})
    if status.get("phase") != "Failed" or not status.get("reason"):
        return None
    return status["reason"], _one_line(status.get("message") or "") or "no more is known"


def was_refused(pod: Pod) -> bool:
    """Whether the cluster ended the pod before its process began, as a node does that can't take it after all."""
    # Kubelets have told of no container of a pod that they evicted.
    by_the_cluster = ended_by_the_cluster(pod)
    if by_the_cluster is None or by_the_cluster[0] == "Evicted":
        return False
    # Of a container that was lost sight of nobody knows when it started: it counts as begun.
    states = [status.get("state") or {} for status in _main_containers(pod)]
    return not any("running" in state or "terminated" in state for state in states)


def why_it_ended(pod: Pod) -> str:
    """Why an ended pod ended, to follow a colon: `it ran out of memory (limit 512Mi)`."""
    by_the_cluster = ended_by_the_cluster(pod)
    if by_the_cluster is not None:
        reason, message = by_the_cluster
        done = "its node did not take it" if was_refused(pod) else "the cluster ended it"
        return f"{done} ({reason}): {message}"
    for container in _main_containers(pod):
        ended = _terminated(container)
        if ended.get("reason") == "OOMKilled":
            return f"it ran out of memory{_limit(pod)}"
        if ended.get("exitCode") == NOT_WANTED:
            return "its pod was replaced (evicted, deleted, or on a node that was lost)"
        if ended.get("exitCode"):
            return _exit(ended["exitCode"], ended.get("message"))
    if pod.get("metadata", {}).get("deletionTimestamp"):
        return "its pod was deleted"
    return "its process ended"


def container_states(pod: Pod) -> list[tuple[str, Mapping[str, Any]]]:
    """Name and state of each container, init containers first."""
    return [(status.get("name", ""), status.get("state") or {}) for status in _containers(pod)]


def used_too_much(pod: Pod) -> bool:
    """Whether an ended pod was ended for what it used."""
    return hint_for(pod) is not None


def hint_for(pod: Pod) -> str | None:
    """What to do about the end of an ended pod; None where nothing is known to help."""
    status = pod.get("status", {})
    # "… exceeds the limit …", "… exceeded its … limit …"; a node that is low on something says so instead.
    if status.get("reason") == "Evicted" and "exceed" in str(status.get("message")):
        return DISK_HINT
    ran_out = any(_terminated(container).get("reason") == "OOMKilled" for container in _main_containers(pod))
    return MEMORY_HINT if ran_out else None


def _terminated(container: Mapping[str, Any]) -> Mapping[str, Any]:
    """How it ended, now or the last time; empty when it never did."""
    now = container.get("state", {}).get("terminated")
    return now or container.get("lastState", {}).get("terminated") or {}


def _end_of(helper: Mapping[str, Any]) -> str:
    ended = _terminated(helper)
    if ended.get("reason") == "OOMKilled":
        return "it ran out of memory"
    return _exit(ended["exitCode"], ended.get("message")) if "exitCode" in ended else "its process ended"


def _exit(code: int, message: str | None) -> str:
    last = _one_line(message) if message else ""
    said = f"; its last words: {last}" if last else ""
    # Shells and container runtimes report an end by a signal as 128 and its number.
    return f"killed by signal {code - 128}{said}" if code > 128 else f"it left with exit code {code}{said}"


def _one_line(text: str) -> str:
    """The last line that says something."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][-LAST_WORDS:].rstrip(". ") if lines else ""


def _limit(pod: Pod) -> str:
    container = (pod.get("spec", {}).get("containers") or [{}])[0]
    limit = (container.get("resources", {}).get("limits") or {}).get("memory")
    return f" (limit {limit})" if limit else ""


def _condition(pod: Pod, kind: str) -> Mapping[str, Any]:
    conditions = pod.get("status", {}).get("conditions") or []
    return next((condition for condition in conditions if condition.get("type") == kind), {})


def _containers(pod: Pod) -> list[Mapping[str, Any]]:
    return [*_helpers(pod), *_main_containers(pod)]


def _helpers(pod: Pod) -> list[Mapping[str, Any]]:
    """Statuses of sidecars and other init containers."""
    return list(pod.get("status", {}).get("initContainerStatuses") or [])


def _main_containers(pod: Pod) -> list[Mapping[str, Any]]:
    """Statuses of the containers that are what the pod is for, without sidecars and other init containers."""
    return list(pod.get("status", {}).get("containerStatuses") or [])
