"""Which content an image has on this cluster: asked of pods that run it, be they labs, runs or dashboards."""

from typing import Any

from noteyard.backends.kubernetes.cluster import PATIENCE, json_of
from noteyard.backends.kubernetes.manifests import INSTANCE, PART_OF, Manifest
from noteyard.backends.kubernetes.pinned_images import image_label, may_be_pinned, pinned
from noteyard.kubernetes_settings import Kubernetes

ASKED = 20
"""Pods. Thousands of labs may run one image, and nearly always all tell the same."""


async def image_to_run(core: Any, options: Kubernetes, image: str) -> str:
    """The image by the digest that a pod of it runs by; as it is where none is known. Raises ApiException."""
    policy = options.image_pull_policy
    if not may_be_pinned(image, policy):
        return image
    return pinned(image, policy, await _pods_of(core, options, image))


async def _pods_of(core: Any, options: Kubernetes, image: str) -> list[Manifest]:
    ours = {PART_OF: "noteyard", INSTANCE: options.release} | image_label(image)
    chosen = ",".join(f"{name}={value}" for name, value in ours.items())
    answer = await core.list_namespaced_pod(
        options.namespace, label_selector=chosen, limit=ASKED, _preload_content=False, _request_timeout=PATIENCE
    )
    found: list[Manifest] = (await json_of(answer))["items"]
    return found
