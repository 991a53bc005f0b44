"""Which image a pod of people names: the profile's, by digest where a node has told it. Pure."""

from collections.abc import Iterable

from noteyard.backends.kubernetes.manifests import Manifest
from noteyard.backends.kubernetes.pod_states import Pod

IMAGE = "noteyard/image"
"""Annotation of a pod: the profile's image, before it was pinned."""


def pinned(image: str, pull_policy: str, pods: Iterable[Pod]) -> str:
    """`name@sha256:…` when a pod of this image runs and its node knows the digest: all then have the same content.

    With the policy `Always` the tag is meant to move, with `Never` the node has what it has, maybe under the tag alone:
    it stays as it is. An image that was loaded into a node by hand has no digest that another pod could name.
    """
    if "@" in image or pull_policy != "IfNotPresent":
        return image
    repository = _full(_repository(image))
    newest = ""
    digest = ""
    for pod in pods:
        if _asked(pod) != image:
            continue
        begun = str(pod.get("status", {}).get("startTime") or "")
        # One that only helps (the S3 sidecar) is an init container, and told of apart.
        for status in pod.get("status", {}).get("containerStatuses") or []:
            known = str(status.get("imageID", "")).removeprefix("docker-pullable://")
            name, is_digest, _ = known.partition("@sha256:")
            if is_digest and _full(name) == repository:
                newest, digest = max((newest, digest), (begun, known))
    return digest or image


def pin(owner: Manifest, pull_policy: str, pods: Iterable[Pod]) -> Manifest:
    """A Job or Deployment whose pod names its image by digest where that is known, and says which it was to be."""
    template = owner["spec"]["template"]
    main, *others = template["spec"]["containers"]
    image = main["image"]
    containers = [main | {"image": pinned(image, pull_policy, pods)}, *others]
    marks = template["metadata"] | {"annotations": {**template["metadata"].get("annotations", {}), IMAGE: image}}
    pinning = template | {"metadata": marks, "spec": template["spec"] | {"containers": containers}}
    return owner | {"spec": owner["spec"] | {"template": pinning}}


def _asked(pod: Pod) -> str:
    return str((pod["metadata"].get("annotations") or {}).get(IMAGE, ""))


def _full(repository: str) -> str:
    """With the registry that container runtimes add to short names."""
    first, slash, _ = repository.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return repository
    return f"docker.io/{repository}" if slash else f"docker.io/library/{repository}"


def _repository(image: str) -> str:
    name, colon, tag = image.rpartition(":")
    return name if colon and "/" not in tag else image
