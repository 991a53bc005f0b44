"""What pods of people tell of an image, and who asks for it."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from kubernetes_asyncio.client import ApiException
from noteyard.backends.base import Start
from noteyard.backends.kubernetes.image_pods import ASKED, image_of_start, image_to_run, known_images
from noteyard.backends.kubernetes.pinned_images import IMAGE, image_label
from noteyard.kubernetes_settings import Kubernetes
from noteyard.settings import Profile, Settings

from tests.support.kubernetes_api import SmallApi, SmallCluster, pod, small_api

LAB = "registry.example.org/lab:1"
DIGEST = "registry.example.org/lab@sha256:1"
OPTIONS = Kubernetes(release="yard", namespace="users")


@pytest.fixture
async def api() -> AsyncIterator[tuple[SmallApi, SmallCluster]]:
    async with small_api() as made:
        yield made


def lab(image: str, id: str) -> dict[str, Any]:
    """A lab's pod, whose node tells its image's id."""
    found = pod("lab-ada", startTime="2026-11-25T11:00:00Z", containerStatuses=[{"name": "notebook", "imageID": id}])
    found["metadata"]["annotations"] = {IMAGE: image}
    return found


async def test_a_lab_tells_a_run_the_digest_of_the_image_of_both(api: tuple[SmallApi, SmallCluster]) -> None:
    server, cluster = api
    server.objects = [lab(LAB, DIGEST)]
    assert await image_to_run(await cluster.core(), OPTIONS, LAB) == DIGEST
    mark = image_label(LAB)[IMAGE]
    # Of this installation, whatever they are for, and few of maybe thousands.
    assert server.asked == {
        "labelSelector": f"app.kubernetes.io/part-of=noteyard,app.kubernetes.io/instance=yard,noteyard/image={mark}",
        "limit": str(ASKED),
    }


async def test_nobody_is_asked_where_no_digest_may_take_the_tags_place(api: tuple[SmallApi, SmallCluster]) -> None:
    server, cluster = api
    server.objects = [lab(LAB, DIGEST)]
    moving = OPTIONS.model_copy(update={"image_pull_policy": "Always"})
    assert await image_to_run(await cluster.core(), moving, LAB) == LAB
    assert await image_to_run(await cluster.core(), OPTIONS, DIGEST) == DIGEST
    assert server.lists == 0


async def test_an_api_that_is_away_starts_nothing_by_chance(api: tuple[SmallApi, SmallCluster]) -> None:
    server, cluster = api
    server.status = 503
    with pytest.raises(ApiException):
        await image_to_run(await cluster.core(), OPTIONS, LAB)


async def test_a_run_has_what_its_release_remembers_before_what_pods_tell(api: tuple[SmallApi, SmallCluster]) -> None:
    server, cluster = api
    server.objects = [lab(LAB, DIGEST)]
    older = "registry.example.org/lab@sha256:0"
    start = Start("r1.1", "token", "default", image=older)
    core = await cluster.core()
    assert await image_of_start(core, OPTIONS, LAB, start) == older
    assert await image_of_start(core, OPTIONS, "registry.example.org/other:1", start) == "registry.example.org/other:1"
    without = replace(start, image=None, gone=frozenset({older}))
    assert await image_of_start(core, OPTIONS, LAB, without) == DIGEST
    assert await image_of_start(core, OPTIONS, LAB, replace(without, gone=frozenset({older, DIGEST}))) == LAB


async def test_profiles_images_are_known_by_pods_or_by_the_settings_themselves(
    api: tuple[SmallApi, SmallCluster],
) -> None:
    server, cluster = api
    server.objects = [lab(LAB, DIGEST)]
    fixed = "registry.example.org/gpu:2@sha256:2"
    profiles = [Profile(name=str(number), image=image) for number, image in enumerate((LAB, LAB, fixed, "new:1"))]
    settings = Settings(kubernetes=OPTIONS, profiles=[*profiles, Profile(name="none")])
    core = await cluster.core()
    assert await known_images(core, settings) == {LAB: DIGEST, fixed: "registry.example.org/gpu@sha256:2"}
    moving = OPTIONS.model_copy(update={"image_pull_policy": "Always"})
    assert await known_images(core, settings.model_copy(update={"kubernetes": moving})) == {}
