"""What the state of a pod means for a person: why it does not start, and why it ended. Pure."""

from collections.abc import Mapping
from typing import Any

Pod = Mapping[str, Any]
"""A pod as the Kubernetes API gives it (camelCase keys)."""

NO_IMAGE = frozenset({"ErrImageNeverPull", "ErrImagePull", "ImageInspectError", "ImagePullBackOff", "InvalidImageName"})
FINAL = ("ErrImageNeverPull", "InvalidImageName")
REFUSED = ("not found", "denied", "unauthorized", "does not exist", "manifest unknown", "no match for platform")
NO_CONTAINER = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})


def why_it_cannot_start(pod: Pod) -> str | None:
    """One sentence when the pod can't start as it is and waiting does not help; None else.

    An unschedulable pod is not among them: the cluster may be about to add a node (see `why_it_waits`).
    """
    for status in _containers(pod):
        waiting = status.get("state", {}).get("waiting") or {}
        reason, message = waiting.get("reason", ""), waiting.get("message", "")
        if reason in NO_IMAGE:
            return f"The image {status.get('image')} can't be had on the node ({reason}). {message}".strip()
        if reason in NO_CONTAINER:
            return f"The container can't be started ({reason}). {message}".strip()
    return None


def image_is_refused(reason: str, message: str) -> bool:
    """Whether an image that can't be pulled won't be there a moment later either."""
    return reason in FINAL or any(word in message for word in REFUSED)


def why_it_waits(pod: Pod) -> str | None:
    """One sentence when no node takes the pod; None else."""
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return f"No node of the cluster can take it now: {condition.get('message') or condition.get('reason')}"
    return None


def has_ended(pod: Pod) -> bool:
    """Whether nothing of the pod runs any more."""
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def why_it_ended(pod: Pod) -> str:
    """Why an ended pod ended, to follow a colon: `it ran out of memory (limit 512Mi)`."""
    status = pod.get("status", {})
    if status.get("reason") in ("Evicted", "Preempting", "NodeLost", "DeadlineExceeded", "Shutdown", "NodeShutdown"):
        return f"the cluster ended it ({status['reason']}): {status.get('message') or 'no more is known'}"
    for container in _containers(pod):
        ended = container.get("state", {}).get("terminated") or {}
        if ended.get("reason") == "OOMKilled":
            return f"it ran out of memory{_limit(pod)}"
        if ended.get("exitCode"):
            return _exit(ended["exitCode"], ended.get("message"))
    if pod.get("metadata", {}).get("deletionTimestamp"):
        return "its pod was deleted"
    return "its process ended"


def container_states(pod: Pod) -> list[tuple[str, Mapping[str, Any]]]:
    """Name and state of each container, init containers first."""
    return [(status.get("name", ""), status.get("state") or {}) for status in _containers(pod)]


def _exit(code: int, message: str | None) -> str:
    said = f"; its last words: {message.strip()}" if message else ""
    # Shells and container runtimes report an end by a signal as 128 and its number.
    return f"killed by signal {code - 128}{said}" if code > 128 else f"it left with exit code {code}{said}"


def _limit(pod: Pod) -> str:
    container = (pod.get("spec", {}).get("containers") or [{}])[0]
    limit = (container.get("resources", {}).get("limits") or {}).get("memory")
    return f" (limit {limit})" if limit else ""


def _containers(pod: Pod) -> list[Mapping[str, Any]]:
    status = pod.get("status", {})
    return [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
