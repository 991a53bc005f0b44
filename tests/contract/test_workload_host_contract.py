import asyncio
import contextlib

import pytest
from noteyard.backends.base import Observed, Start, WorkloadHost
from noteyard.errors import NoteyardError, Unavailable

from tests.contract.harness import Harness
from tests.support.waiting import until_async

ID = "d4k2m9x0q1abcdef.3.1"


async def apply(host: WorkloadHost, plan: str, id: str = ID) -> None:
    async def applied() -> bool:
        with contextlib.suppress(Unavailable):
            await host.apply(Start(id, plan, "default"))
            return True
        return False

    await until_async(applied, what="the start")


async def ready(harness: Harness, id: str = ID) -> None:
    async def is_ready() -> bool:
        return "ready" in harness.events(id)

    await until_async(is_ready, what="the process")


async def test_applying_makes_one_process_however_often(harness: Harness) -> None:
    await asyncio.gather(*(apply(harness.workload_host(), "sleep") for _ in range(4)))
    await apply(harness.workload_host(), "sleep")
    await ready(harness)
    assert harness.events(ID).count("started") == 1
    assert dict(await harness.workload_host().observe()) == {ID: Observed(ID, ended=False)}


async def test_deleting_asks_first_and_leaves_nothing(harness: Harness) -> None:
    await apply(harness.workload_host(), "sleep")
    await ready(harness)
    await harness.workload_host().delete(ID)
    assert harness.events(ID).count("term") == 1
    assert dict(await harness.workload_host().observe()) == {}
    await harness.workload_host().delete(ID)


async def test_deleting_ends_what_does_not_stop(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("noteyard.backends.local.workload_host.GRACE_SECONDS", 0.3)
    await apply(harness.workload_host(), "stubborn")
    await ready(harness)
    await harness.workload_host().delete(ID)
    assert dict(await harness.workload_host().observe()) == {}


async def test_one_that_ended_by_itself_is_seen_so(harness: Harness) -> None:
    host = harness.workload_host()
    await apply(host, "fail")

    async def ended() -> Observed | None:
        found = (await host.observe()).get(ID)
        return found if found is not None and found.ended else None

    found = await until_async(ended)
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

    await until_async(gone)


async def test_runs_and_dashboards_are_told_apart(harness: Harness) -> None:
    await apply(harness.workload_host(), "sleep")
    assert dict(await harness.runner().observe()) == {}


async def test_a_profile_that_is_gone_is_refused_in_words(harness: Harness) -> None:
    with pytest.raises(NoteyardError, match="The profile 'gpu' is not in the settings any more"):
        await harness.workload_host().apply(Start(ID, "sleep", "gpu"))
