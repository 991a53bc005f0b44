"""The sessions that wait for visitors: their number, their age, and what happens when making them fails."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from noteyard_lab.dashboard import warm_pool
from noteyard_lab.dashboard.warm_pool import WarmPool


@dataclass(eq=False)
class Kernel:
    alive: bool = True

    async def is_alive(self) -> bool:
        return self.alive


@dataclass(eq=False)
class Session:
    number: int
    executing: bool = False
    failed: bool = False
    kernel: Kernel = field(default_factory=Kernel)


class Shop:
    """Makes numbered sessions, and notes which were discarded."""

    def __init__(self) -> None:
        self.made = 0
        self.discarded: list[int] = []
        self.broken = False
        self.executing = False

    async def make(self) -> Any:
        self.made += 1
        if self.broken:
            raise RuntimeError("no kernel starts")
        return Session(self.made, self.executing)

    async def discard(self, session: Any) -> None:
        self.discarded.append(session.number)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(warm_pool, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def pool(shop: Shop, max_age: float = 600.0) -> WarmPool:
    return WarmPool(shop.make, shop.discard, max_age)


async def kept(pool: WarmPool, size: int) -> None:
    """One look after the pool, and what it starts has started."""
    await pool.keep(size)
    await asyncio.sleep(0)


async def test_it_is_filled_and_refilled_after_use(clock: list[float]) -> None:
    shop = Shop()
    waiting = pool(shop)
    assert waiting.take() is None
    await kept(waiting, 2)
    await kept(waiting, 2)
    assert shop.made == 2
    task = waiting.take()
    assert task is not None
    assert (await task).number == 1  # type: ignore[attr-defined]
    await kept(waiting, 2)
    assert shop.made == 3


async def test_it_shrinks_when_there_is_less_room(clock: list[float]) -> None:
    shop = Shop()
    waiting = pool(shop)
    await kept(waiting, 3)
    await kept(waiting, 1)
    assert shop.discarded == [2, 3]
    await kept(waiting, 0)
    assert shop.discarded == [2, 3, 1]


async def test_an_old_one_goes_only_when_a_fresh_one_is_complete(clock: list[float]) -> None:
    shop = Shop()
    waiting = pool(shop)
    await kept(waiting, 1)
    await kept(waiting, 1)
    clock[0] += 601
    shop.executing = True
    await kept(waiting, 1)
    await kept(waiting, 1)
    assert (shop.made, shop.discarded) == (2, [])
    fresh = waiting.sessions()[1]
    fresh.executing = False  # type: ignore[misc]
    await kept(waiting, 1)
    assert shop.discarded == [1]


async def test_a_visitor_gets_the_freshest_that_is_complete_and_none_that_is_too_old(clock: list[float]) -> None:
    shop = Shop()
    waiting = pool(shop)
    await kept(waiting, 1)
    await kept(waiting, 1)
    clock[0] += 700
    shop.executing = True
    await kept(waiting, 1)
    task = waiting.take()
    assert task is not None
    assert (await task).number == 1  # type: ignore[attr-defined]
    for session in waiting.sessions():
        session.executing = False  # type: ignore[misc]
    await kept(waiting, 1)
    clock[0] += 1201
    assert waiting.take() is None


async def test_a_notebook_that_takes_longer_than_its_age_is_finished(clock: list[float]) -> None:
    shop = Shop()
    shop.executing = True
    waiting = pool(shop)
    for _ in range(700):
        clock[0] += 1
        await kept(waiting, 1)
    (first,) = waiting.sessions()
    first.executing = False  # type: ignore[misc]
    await kept(waiting, 1)
    clock[0] += 601
    await kept(waiting, 1)
    assert (shop.made, shop.discarded) == (2, []), "the next one begins, and this one waits on"
    clock[0] += 599
    await kept(waiting, 1)
    assert shop.discarded == []
    clock[0] += 1
    await kept(waiting, 1)
    assert shop.discarded == [1], "too old for anybody"
    (second,) = waiting.sessions()
    assert second.executing, "and the next one goes on"
    assert shop.made == 2


async def test_failures_are_thrown_away_and_tried_again_ever_more_slowly(clock: list[float]) -> None:
    shop = Shop()
    shop.broken = True
    waiting = pool(shop)
    for _ in range(5):
        await kept(waiting, 1)
    assert shop.made == 1
    clock[0] += 5
    await kept(waiting, 1)
    assert shop.made == 2
    await kept(waiting, 1)
    clock[0] += 6
    await kept(waiting, 1)
    assert shop.made == 2, "the second pause is longer"
    clock[0] += 5
    shop.broken = False
    await kept(waiting, 1)
    assert [session.number for session in waiting.sessions()] == [3]  # type: ignore[attr-defined]


@pytest.mark.parametrize("trouble", ["failed", "dead"])
async def test_one_that_failed_or_died_is_replaced(clock: list[float], trouble: str) -> None:
    shop = Shop()
    waiting = pool(shop)
    await kept(waiting, 1)
    session: Any = waiting.sessions()[0]
    session.failed = trouble == "failed"
    session.kernel.alive = trouble != "dead"
    assert trouble == "dead" or waiting.take() is None, "no visitor gets one that failed"
    await kept(waiting, 1)
    assert (shop.discarded, waiting.sessions()) == ([1], [])
    clock[0] += 6
    await kept(waiting, 1)
    assert shop.made == 2


async def test_closing_discards_all(clock: list[float]) -> None:
    shop = Shop()
    waiting = pool(shop)
    await kept(waiting, 2)
    await waiting.close()
    assert sorted(shop.discarded) == [1, 2]
    assert waiting.take() is None
