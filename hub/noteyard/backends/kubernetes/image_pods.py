"""Which content an image has on this cluster: asked of pods that run it, be they labs, runs or dashboards."""

from collections.abc import Collection, Mapping
from typing import Any

from noteyard.backends.base import Start
from noteyard.backends.kubernetes.cluster import PATIENCE, json_of
from noteyard.backends.kubernetes.manifests import INSTANCE, PART_OF, Manifest
from noteyard.backends.kubernetes.pinned_images import by_digest, image_label, may_be_pinned, pinned, remembered
from noteyard.kubernetes_settings import Kubernetes
from noteyard.settings import Settings

ASKED = 20
"""Pods. Thousands of labs may run one image, and nearly always all tell the same."""


async def image_of_start(core: Any, options: Kubernetes, image: str, start: Start) -> str:
    """What a run or a dashboard is to run: what its release remembers, else what pods tell. Raises ApiException."""
    known = remembered(image, options.image_pull_policy, start)
    return known or await image_to_run(core, options, image, start.gone)


async def image_to_run(core: Any, options: Kubernetes, image: str, gone: Collection[str] = ()) -> str:
    """The image by the digest that a pod of it runs by; as it is where none is known. Raises ApiException."""
    policy = options.image_pull_policy
    if not may_be_pinned(image, policy):
        return image
    return pinned(image, policy, await _pods_of(core, options, image), gone)


async def known_images(core: Any, settings: Settings) -> Mapping[str, str]:
    """The profiles' images by digest, by their names in the settings. Raises ApiException."""
    options = settings.kubernetes
    if options.image_pull_policy != "IfNotPresent":
        return {}
    found = {}
    for image in {profile.image for profile in settings.profiles if profile.image}:
        name = by_digest(await image_to_run(core, options, image))
        if name is not None:
            found[image] = name
    return found


async def _pods_of(core: Any, options: Kubernetes, image: str) -> list[Manifest]:
    ours = {PART_OF: "noteyard", INSTANCE: options.release} | image_label(image)
    chosen = ",".join(f"{name}={value}" for name, value in ours.items())
    answer = await core.list_namespaced_pod(
        options.namespace, label_selector=chosen, limit=ASKED, _preload_content=False, _request_timeout=PATIENCE
    )
    found: list[Manifest] = (await json_of(answer))["items"]
    return found
