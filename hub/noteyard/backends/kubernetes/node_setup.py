"""What a pod's events tell of its set-up on a node: volumes, then the network, then images and containers. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from noteyard.backends.kubernetes.pod_states import Pod
from noteyard.backends.kubernetes.s3_pod import VOLUME

Event = Mapping[str, Any]
"""An event as the Kubernetes API gives it (camelCase keys)."""

ATTACHING = "FailedAttachVolume"
MOUNTS = frozenset({"FailedMount", ATTACHING})
SANDBOXES = frozenset({"FailedCreatePodSandBox"})
GOES_ON = frozenset({"Pulling", "Pulled", "Created", "Started"})
"""What a kubelet says of a pod whose volumes are mounted and whose network is there."""
ATTACHED = "SuccessfulAttachVolume"
UNMOUNTED = re.compile(r"unmounted volumes=\[([^\]]*)\]|for volume \"([^\"]+)\"")
WHOLE_SECONDS = len("2026-11-02T09:00:00")


def moment(event: Event) -> str:
    """When it was seen last, as the API writes times."""
    times = (event.get("lastTimestamp"), event.get("eventTime"), event["metadata"].get("creationTimestamp"))
    return next((str(time) for time in times if time), "")


def what_fails(pod: Pod, events: Sequence[Event]) -> Event | None:
    """The last warning of the pod's set-up, from the first event to the last; None when set-up went on after it."""
    if _helper_has_begun(pod):
        return None
    warnings = [event for event in events if event.get("reason") in MOUNTS | SANDBOXES]
    last = warnings[-1] if warnings else None
    return None if last is None or _is_over(last, events) else last


def unmounted(pod: Pod, said: str) -> str:
    """Which volume of a lab a warning names, as the beginning of a sentence."""
    found = UNMOUNTED.search(said)
    names = set((found[1] or found[2]).split()) if found is not None else set()
    volumes = pod.get("spec", {}).get("volumes") or []
    claims = {volume["name"] for volume in volumes if "persistentVolumeClaim" in volume}
    # A volume of a claim goes by the cluster's own name for it, and a lab has no claim beside the home's.
    of_claim = names - {volume["name"] for volume in volumes}
    if "home" in names or (of_claim and claims == {"home"}):
        return "Your home"
    if VOLUME in names:
        return "The folder with your S3 data"
    return f"The volume {min(names)}" if names else "A volume of your lab"


def _is_over(warning: Event, events: Sequence[Event]) -> bool:
    over = GOES_ON | {ATTACHED} if warning.get("reason") == ATTACHING else GOES_ON
    # Events tell whole seconds, and the kubelet goes on at once.
    return any(event.get("reason") in over and _second(event) >= _second(warning) for event in events)


def _second(event: Event) -> str:
    return moment(event)[:WHOLE_SECONDS]


def _helper_has_begun(pod: Pod) -> bool:
    helpers = pod.get("status", {}).get("initContainerStatuses") or []
    return any({"running", "terminated"} & set(helper.get("state") or {}) for helper in helpers)
