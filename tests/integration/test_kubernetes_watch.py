"""What is remembered of a cluster: followed, made anew when the thread is lost, and never believed about the dead."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from noteyard.backends.base import Observed
from noteyard.backends.kubernetes import watched
from noteyard.backends.kubernetes.observing import Observing
from noteyard.backends.kubernetes.watched import Watched
from noteyard.errors import Unavailable

from tests.support.kubernetes_api import SmallApi, SmallCluster, pod, small_api
from tests.support.waiting import until_async

RECENT = 60.0


@pytest.fixture
async def api() -> AsyncIterator[tuple[SmallApi, SmallCluster]]:
    async with small_api() as made:
        yield made


@pytest.fixture
async def pods(api: tuple[SmallApi, SmallCluster]) -> AsyncIterator[Watched]:
    _, cluster = api

    async def lister() -> Any:
        return (await cluster.core()).list_namespaced_pod

    made = Watched(lister, "users", "app=noteyard")
    yield made
    await made.close()


async def names(pods: Watched, at_most: float = RECENT) -> set[str]:
    return {item["metadata"]["name"] for item in await pods.look(at_most)}


async def become(pods: Watched, *wanted: str) -> None:
    async def are() -> bool:
        return await names(pods) == set(wanted)

    await until_async(are, 30, f"{wanted} being remembered")


async def watching(api: SmallApi, times: int = 1) -> None:
    async def is_watched() -> bool:
        return api.watches == times

    await until_async(is_watched, 30, f"watch number {times}")


async def test_changes_are_followed_without_asking_again(api: tuple[SmallApi, Any], pods: Watched) -> None:
    server, _ = api
    server.objects = [pod("a.1")]
    await become(pods, "a.1")
    await watching(server)
    asked = server.lists
    server.change("ADDED", pod("b.1"))
    await become(pods, "a.1", "b.1")
    server.change("DELETED", pod("a.1"))
    await become(pods, "b.1")
    assert server.lists == asked
    assert pods.age < RECENT


@pytest.mark.parametrize("how", ["forget", "hang_up"])
async def test_a_lost_thread_is_taken_up_by_a_new_list(api: tuple[SmallApi, Any], pods: Watched, how: str) -> None:
    server, _ = api
    await become(pods)
    await watching(server)
    server.objects = [pod("a.1")]
    getattr(server, how)()
    await watching(server, 2)
    await become(pods, "a.1")


async def test_a_watch_without_a_word_is_not_believed(
    api: tuple[SmallApi, Any], pods: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched, "SILENCE_SECONDS", 0.5)
    server, _ = api
    await become(pods)
    await watching(server)
    server.objects = [pod("a.1")]
    await watching(server, 2)
    await become(pods, "a.1")


async def test_a_bookmark_vouches_for_what_is_remembered(api: tuple[SmallApi, Any], pods: Watched) -> None:
    server, _ = api
    await become(pods)
    await watching(server)
    before = pods.age

    async def younger() -> bool:
        return pods.age < before

    server.change("BOOKMARK", {"metadata": {"resourceVersion": "9"}})
    await until_async(younger, 30, "a younger memory")


async def test_what_is_asked_anew_comes_from_the_api(api: tuple[SmallApi, Any], pods: Watched) -> None:
    server, _ = api
    await become(pods)
    await watching(server)
    server.objects = [pod("a.1")]
    assert await names(pods, 0) == {"a.1"}
    assert await names(pods) == set()


async def test_an_api_that_is_away_is_said_so_and_come_back_to(api: tuple[SmallApi, Any], pods: Watched) -> None:
    server, _ = api
    server.status = 503
    with pytest.raises(Unavailable, match="The Kubernetes API does not answer"):
        await pods.look(RECENT)
    server.status = 200
    server.objects = [pod("a.1")]
    await watching(server)
    await become(pods, "a.1")


def judge(owners: Sequence[Any], found: Sequence[Any]) -> dict[str, Observed]:
    return {item["metadata"]["name"]: Observed(item["metadata"]["name"], False) for item in [*owners, *found]}


async def test_nobody_is_dead_on_the_word_of_a_memory(api: tuple[SmallApi, Any], pods: Watched) -> None:
    server, _ = api
    observing = Observing(pods, pods, judge)
    await become(pods)
    await watching(server)
    # It was started, and the watch has not told yet.
    server.objects = [pod("a.1")]
    observing.expect("a.1")
    assert set(await observing.observe()) == {"a.1"}
    # The watch says that it is gone, the API says that it is there.
    server.change("ADDED", pod("a.1"))
    await become(pods, "a.1")
    server.change("DELETED", pod("a.1"))
    await become(pods)
    assert set(await observing.observe()) == {"a.1"}
    server.objects = []
    assert dict(await observing.observe()) == {}
    asked = server.lists
    await observing.observe()
    assert server.lists == asked, "what is known to be gone is not asked for again"
