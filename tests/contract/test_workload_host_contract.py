import asyncio
import contextlib

import pytest
from noteyard.backends.base import Observed, Start, WorkloadHost
from noteyard.errors import NoteyardError, Unavailable

from tests.contract.harness import Harness
from tests.contract.test_runner_contract import PATIENCE
from tests.support.waiting import until_async

ID = "d4k2m9x0q1abcdef.3.1"


async def apply(host: WorkloadHost, plan: str, id: str = ID) -> None:
    async def applied() -> bool:
        with contextlib.suppress(Unavailable):
            await host.apply(Start(id, plan, "default"))
            return True
        return False

    await until_async(applied, PATIENCE, "the start")


async def ready(harness: Harness, id: str = ID) -> None:
    async def is_ready() -> bool:
        return "ready" in harness.events(id)

    await until_async(is_ready, PATIENCE, "the process")


async def alive(host: WorkloadHost, *ids: str) -> None:
    """Waits until these alone are alive."""

    async def alone() -> bool:
        return {id for id, found in (await host.observe()).items() if not found.ended} == set(ids)

    await until_async(alone, PATIENCE, f"only {ids} being alive")


async def asked(harness: Harness) -> None:
    """Waits until the process was asked to end: once, as its journal says."""

    async def is_asked() -> bool:
        return harness.events(ID).count("term") == 1

    await until_async(is_asked, PATIENCE, "its being asked to end")


async def nothing_left(host: WorkloadHost) -> None:
    async def nothing() -> bool:
        return not await host.observe()

    await until_async(nothing, PATIENCE, "nothing being left")


async def test_applying_makes_one_process_however_often(harness: Harness) -> None:
    await asyncio.gather(*(apply(harness.workload_host(), "sleep") for _ in range(4)))
    await apply(harness.workload_host(), "sleep")
    await ready(harness)
    assert harness.events(ID).count("started") == 1
    await alive(harness.workload_host(), ID)


async def test_deleting_asks_first_and_leaves_nothing(harness: Harness) -> None:
    await apply(harness.workload_host(), "sleep")
    await ready(harness)
    await harness.workload_host().delete(ID)
    await nothing_left(harness.workload_host())
    await asked(harness)
    await harness.workload_host().delete(ID)


async def test_deleting_ends_what_does_not_stop(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("noteyard.backends.local.workload_host.GRACE_SECONDS", 0.3)
    await apply(harness.workload_host(), "stubborn")
    await ready(harness)
    await harness.workload_host().delete(ID)
    await nothing_left(harness.workload_host())


async def test_one_that_ended_by_itself_is_seen_so(harness: Harness) -> None:
    host = harness.workload_host()
    await apply(host, "fail")

    async def ended() -> Observed | None:
        found = (await host.observe()).get(ID)
        return found if found is not None and found.ended else None

    found = await until_async(ended, PATIENCE)
    assert found is not None
    assert "the disk is full" in (found.reason or "")


async def test_what_vanishes_is_noticed(harness: Harness) -> None:
    host = harness.workload_host()
    await apply(host, "sleep")
    await ready(harness)
    harness.vanish(ID)

    async def gone() -> bool:
        found = (await host.observe()).get(ID)
        return found is None or found.ended

    await until_async(gone, PATIENCE)


async def test_what_sleeps_is_woken_by_the_next_start(harness: Harness) -> None:
    host, later = harness.workload_host(), "d4k2m9x0q1abcdef.3.2"
    await apply(host, "sleep")
    await ready(harness)
    await host.sleep(ID)
    await asked(harness)
    await alive(host)
    await apply(harness.workload_host(), "sleep", later)
    await ready(harness, later)
    await alive(host, later)
    assert harness.events(ID).count("started") == 1


async def test_what_is_said_late_of_an_earlier_start_changes_nothing(harness: Harness) -> None:
    host, later = harness.workload_host(), "d4k2m9x0q1abcdef.3.2"
    await apply(host, "sleep")
    await host.sleep(ID)
    await apply(host, "sleep", later)
    await host.sleep(ID)
    await host.delete(ID)
    await ready(harness, later)
    await alive(host, later)


async def test_what_sleeps_is_deleted_without_a_trace(harness: Harness) -> None:
    host = harness.workload_host()
    await apply(host, "sleep")
    await ready(harness)
    await host.sleep(ID)
    await harness.workload_host().delete(ID)
    await nothing_left(host)


async def test_versions_do_not_touch_each_other(harness: Harness) -> None:
    host, other = harness.workload_host(), "d4k2m9x0q1abcdef.33.2"
    await apply(host, "sleep")
    await apply(host, "sleep", other)
    await ready(harness, other)
    await host.delete(ID)
    await alive(host, other)


async def test_runs_and_dashboards_are_told_apart(harness: Harness) -> None:
    await apply(harness.workload_host(), "sleep")
    assert dict(await harness.runner().observe()) == {}


async def test_a_profile_that_is_gone_is_refused_in_words(harness: Harness) -> None:
    with pytest.raises(NoteyardError, match="The profile 'gpu' is not in the settings any more"):
        await harness.workload_host().apply(Start(ID, "sleep", "gpu"))
