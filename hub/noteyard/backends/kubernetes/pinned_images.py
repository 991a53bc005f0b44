"""Which image a pod of people names: the profile's, by digest where a node has told it. Pure."""

import hashlib
from collections.abc import Collection, Iterable

from noteyard.backends.base import Start
from noteyard.backends.kubernetes.manifests import Manifest
from noteyard.backends.kubernetes.pod_states import Pod, main_image_is_gone

IMAGE = "noteyard/image"
"""Annotation of a pod: the profile's image, before it was pinned. As a label: its digest, to find the pod by."""


def image_label(image: str) -> dict[str, str]:
    """The label by which pods of an image are found: a name can have more, and other characters, than a label."""
    return {IMAGE: hashlib.sha256(image.encode()).hexdigest()[:32]}


def may_be_pinned(image: str, pull_policy: str) -> bool:
    """Whether a digest may take the tag's place.

    With the policy `Always` the tag is meant to move, with `Never` the node has what it has, maybe under the tag alone.
    """
    return "@" not in image and pull_policy == "IfNotPresent"


def by_digest(image: str) -> str | None:
    """`repository@sha256:…` of an image that a digest names, with a tag or without; None for any other."""
    name, named, digest = image.partition("@")
    return f"{_repository(name)}@{digest}" if named else None


def remembered(image: str, pull_policy: str, start: Start) -> str | None:
    """The image that the start's release remembers, while it is the content of the profile's repository.

    None when the profile has an image of another repository by now, and where tags move, or nodes have what they have.
    """
    if start.image is None or pull_policy != "IfNotPresent":
        return None
    same = _full(_repository(start.image.partition("@")[0])) == _full(_repository(image.partition("@")[0]))
    return start.image if same else None


def missing_image(pod: Pod) -> str | None:
    """The image by digest that keeps the pod from starting because no registry has it; None for one that settings
    name so, and for all else."""
    image = str((pod.get("spec", {}).get("containers") or [{}])[0].get("image", ""))
    chosen = "@" in image and _asked(pod) not in ("", image)
    return image if chosen and main_image_is_gone(pod) else None


def pinned(image: str, pull_policy: str, pods: Iterable[Pod], gone: Collection[str] = ()) -> str:
    """`name@sha256:…` when a pod of this image runs and its node knows the digest: all then have the same content.

    An image that was loaded into a node by hand has no digest that another pod could name.
    """
    if not may_be_pinned(image, pull_policy):
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
            if is_digest and _full(name) == repository and known not in gone:
                newest, digest = max((newest, digest), (begun, known))
    return digest or image


def pin(owner: Manifest, chosen: str) -> Manifest:
    """A Job or Deployment whose pod runs the chosen image, and says which it was to be."""
    template = owner["spec"]["template"]
    main, *others = template["spec"]["containers"]
    image = main["image"]
    known = template["metadata"]
    marks = known | {
        "labels": known["labels"] | image_label(image),
        "annotations": {**known.get("annotations", {}), IMAGE: image},
    }
    pinning = template | {
        "metadata": marks,
        "spec": template["spec"] | {"containers": [main | {"image": chosen}, *others]},
    }
    return owner | {"spec": owner["spec"] | {"template": pinning}}


def _asked(pod: Pod) -> str:
    return str((pod.get("metadata", {}).get("annotations") or {}).get(IMAGE, ""))


def _full(repository: str) -> str:
    """With the registry that container runtimes add to short names."""
    first, slash, _ = repository.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return repository
    return f"docker.io/{repository}" if slash else f"docker.io/library/{repository}"


def _repository(image: str) -> str:
    name, colon, tag = image.rpartition(":")
    return name if colon and "/" not in tag else image
