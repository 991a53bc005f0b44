import asyncio
import contextlib

import pytest
from noteyard.backends.base import Observed, Runner, Start
from noteyard.errors import NoteyardError, Unavailable

from tests.contract.harness import Harness
from tests.support.waiting import until_async

ID = "r4k2m9x0q1abcdef.1"
PATIENCE = 90.0
"""Seconds for what a pod may take when the cluster is busy."""


async def start(runner: Runner, id: str, plan: str) -> None:
    """Start as the controller does: a start that broke is made again by the next turn."""

    async def started() -> bool:
        with contextlib.suppress(Unavailable):
            await runner.start(Start(id, plan, "default"))
            return True
        return False

    await until_async(started, PATIENCE, "the start")


async def seen(runner: Runner, id: str = ID) -> Observed | None:
    return (await runner.observe()).get(id)


async def is_alive(runner: Runner, id: str = ID) -> bool:
    found = await seen(runner, id)
    return found is not None and not found.ended


async def left(runner: Runner, *ids: str) -> None:
    """Waits until these alone exist."""

    async def alone() -> bool:
        return set(await runner.observe()) == set(ids)

    await until_async(alone, PATIENCE, f"only {ids} being left")


async def ready(harness: Harness, id: str = ID) -> None:
    async def is_ready() -> bool:
        return "ready" in harness.events(id)

    await until_async(is_ready, PATIENCE, "the process")


async def over(runner: Runner, id: str = ID) -> Observed | None:
    """Waits until the attempt has ended or is gone."""

    async def is_over() -> list[Observed | None]:
        found = await seen(runner, id)
        return [found] if found is None or found.ended else []

    return (await until_async(is_over, PATIENCE, "the end"))[0]


async def test_nothing_exists_at_first(harness: Harness) -> None:
    assert dict(await harness.runner().observe()) == {}


async def test_a_started_attempt_is_seen_alive(harness: Harness) -> None:
    runner = harness.runner()
    await start(runner, ID, "sleep")
    assert await is_alive(runner)
    await ready(harness)
    assert await is_alive(runner)


async def test_starting_again_starts_nothing(harness: Harness) -> None:
    await start(harness.runner(), ID, "sleep")
    await start(harness.runner(), ID, "sleep")
    await ready(harness)
    await start(harness.runner(), ID, "sleep")
    assert harness.events(ID).count("started") == 1


async def test_controllers_that_start_at_the_same_time_start_one(harness: Harness) -> None:
    await asyncio.gather(*(start(harness.runner(), ID, "sleep") for _ in range(6)))
    await ready(harness)
    assert harness.events(ID).count("started") == 1


async def test_a_new_controller_sees_and_stops_what_runs(harness: Harness) -> None:
    await start(harness.runner(), ID, "sleep")
    await ready(harness)
    successor = harness.runner()
    assert await is_alive(successor)
    await successor.stop(ID)
    ended = await over(successor)
    assert ended is not None
    assert harness.events(ID).count("term") == 1


async def test_asking_to_stop_again_asks_once(harness: Harness) -> None:
    await start(harness.runner(), ID, "stubborn")
    await ready(harness)
    for _ in range(3):
        await harness.runner().stop(ID)
    await asyncio.gather(*(harness.runner().stop(ID) for _ in range(3)))

    async def asked() -> bool:
        return "term" in harness.events(ID)

    await until_async(asked, PATIENCE)
    assert harness.events(ID).count("term") == 1
    assert await is_alive(harness.runner())


async def test_what_does_not_stop_is_killed(harness: Harness) -> None:
    runner = harness.runner()
    await start(runner, ID, "stubborn")
    await ready(harness)
    await runner.stop(ID, kill=True)
    await over(runner)


@pytest.mark.parametrize("plan", ["quick", "fail", "crash"])
async def test_an_end_is_seen_with_its_reason_until_it_is_cleaned(harness: Harness, plan: str) -> None:
    await start(harness.runner(), ID, plan)
    ended = await over(harness.runner())
    assert ended is not None
    assert ended.reason
    assert "\n" not in ended.reason
    if plan == "fail":
        assert "the disk is full" in ended.reason
    await harness.runner().clean(ID)
    await left(harness.runner())


async def test_an_attempt_that_has_ended_is_not_started_again(harness: Harness) -> None:
    runner = harness.runner()
    await start(runner, ID, "quick")
    await over(runner)
    await start(runner, ID, "sleep")
    await over(runner)
    assert harness.events(ID).count("started") == 1


async def test_what_vanishes_is_noticed(harness: Harness) -> None:
    runner = harness.runner()
    await start(runner, ID, "sleep")
    await ready(harness)
    harness.vanish(ID)
    await over(runner)


async def test_after_cleaning_nothing_is_left(harness: Harness) -> None:
    runner = harness.runner()
    await start(runner, ID, "sleep")
    await ready(harness)
    await runner.clean(ID)
    await left(runner)
    await start(runner, ID, "sleep")
    assert await is_alive(runner)


async def test_calls_about_what_does_not_exist_do_nothing(harness: Harness) -> None:
    runner = harness.runner()
    await runner.stop("rnever0000000000.1")
    await runner.stop("rnever0000000000.1", kill=True)
    await runner.clean("rnever0000000000.1")
    assert dict(await runner.observe()) == {}


async def test_attempts_do_not_touch_each_other(harness: Harness) -> None:
    runner, other = harness.runner(), "r4k2m9x0q1abcdef.11"
    await asyncio.gather(start(runner, ID, "sleep"), start(runner, other, "sleep"))
    await ready(harness)
    await ready(harness, other)
    await runner.stop(ID, kill=True)
    await runner.clean(ID)
    await left(runner, other)
    assert await is_alive(runner, other)


async def test_a_profile_that_is_gone_is_refused_in_words(harness: Harness) -> None:
    runner = harness.runner()
    with pytest.raises(NoteyardError, match="The profile 'gpu' is not in the settings any more"):
        await runner.start(Start(ID, "sleep", "gpu"))
    assert harness.events(ID) == []
    await runner.clean(ID)
    assert dict(await runner.observe()) == {}
