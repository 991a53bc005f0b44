"""Which image a lab's pod names: the profile's, by digest where a node has told it. Pure."""

from collections.abc import Iterable

from noteyard.backends.kubernetes.lab_troubles import LAB
from noteyard.backends.kubernetes.pod_states import Pod


def pinned(image: str, pull_policy: str, pods: Iterable[Pod]) -> str:
    """`name@sha256:…` when a lab of this image runs and its node knows the digest: all labs then have the same content.

    With the policy `Always` the tag is meant to move, and stays as it is. An image that was loaded into a node by hand
    has no digest that another pod could name.
    """
    if "@" in image or pull_policy == "Always":
        return image
    repository = _repository(image)
    newest = ""
    digest = ""
    for pod in pods:
        for status in pod.get("status", {}).get("containerStatuses") or []:
            known = str(status.get("imageID", "")).removeprefix("docker-pullable://")
            begun = str(pod.get("status", {}).get("startTime") or "")
            if status.get("name") == LAB and known.startswith(f"{repository}@sha256:") and _asked(pod) == image:
                newest, digest = max((newest, digest), (begun, known))
    return digest or image


def _asked(pod: Pod) -> str:
    """The image that a lab was started for, before it was pinned."""
    return str((pod["metadata"].get("annotations") or {}).get("noteyard/image", ""))


def _repository(image: str) -> str:
    name, colon, tag = image.rpartition(":")
    return name if colon and "/" not in tag else image
