"""How long the loop of runs lets a process be that reports nothing, goes on too long, or takes its time to end."""

from datetime import timedelta
from pathlib import Path

import pytest
from noteyard.controller.runs import RunLoop
from noteyard.controller.watch import MOST_BETWEEN_LOOKS, Watch
from noteyard.domain import RunState
from noteyard.settings import Runs
from noteyard.store import Database
from noteyard.store.attempts import Ending, attempt_id, settle
from noteyard.store.runs import cancel_run, get_run
from noteyard.store.tables import Attempt
from noteyard.store.types import now

from tests.integration.test_run_loop import age, claim_it, queue, state
from tests.support.scripted import Clock, ScriptedRunner, context


class Watched:
    """A loop whose time passes when told; a worker is silent after 12 seconds."""

    def __init__(self, database: Database, folder: Path, runner: ScriptedRunner) -> None:
        self._made = context(database, folder, runner, runs=Runs(lost_after_seconds=3))
        self.clock = Clock()
        self.api_answers = True
        self.restart()

    def restart(self) -> None:
        """Another controller takes over."""
        self._loop = RunLoop(self._made, Watch(self.clock, lambda: self.api_answers))

    async def turn(self, seconds: int = 0) -> None:
        """Turns for that long, as rarely as time between them still counts in full; with 0 a single one."""
        end = self.clock.now + seconds
        while True:
            self.clock.now = min(end, self.clock.now + MOST_BETWEEN_LOOKS)
            await self._loop.turn()
            if self.clock.now == end:
                return


async def claimed(database: Database, folder: Path, runner: ScriptedRunner, **fields: object) -> tuple[str, Watched]:
    """A run whose worker has claimed it, and the loop that started it."""
    (run,) = queue(database, **fields)
    loop = Watched(database, folder, runner)
    await loop.turn()
    claim_it(database, runner)
    return run, loop


async def test_cancelling_asks_first_and_kills_later(database: Database, tmp_path: Path) -> None:
    runner = ScriptedRunner(ending_seconds=4)
    run, loop = await claimed(database, tmp_path, runner)
    await loop.turn(6)
    with database.write() as session:
        cancel_run(session, run)
    await loop.turn()
    await loop.turn(3)
    assert set(runner.stopped) == {(attempt_id(run, 1), False)}
    await loop.turn(1)
    assert (attempt_id(run, 1), True) in runner.stopped
    assert state(database, run) is RunState.CANCELLED


async def test_a_worker_that_hangs_is_ended(database: Database, tmp_path: Path) -> None:
    runner = ScriptedRunner()
    run, loop = await claimed(database, tmp_path, runner)
    await loop.turn()
    await loop.turn(12)
    assert state(database, run) is RunState.RUNNING
    await loop.turn(1)
    assert (attempt_id(run, 1), True) in runner.stopped
    assert state(database, run) is RunState.LOST


async def test_a_worker_that_reports_is_not_silent(database: Database, tmp_path: Path) -> None:
    (run,) = queue(database)
    runner = ScriptedRunner()
    loop = Watched(database, tmp_path, runner)
    await loop.turn()
    for _ in range(3):
        claim_it(database, runner)
        await loop.turn(10)
    assert state(database, run) is RunState.RUNNING


@pytest.mark.parametrize("gap", ["the machine was suspended", "the controller was stopped", "another took over"])
async def test_time_in_which_nobody_watched_is_nobodys_silence_nor_overtime(
    gap: str, database: Database, tmp_path: Path
) -> None:
    runner = ScriptedRunner()
    run, loop = await claimed(database, tmp_path, runner, timeout=100)
    hour = timedelta(hours=1)
    age(database, run, heartbeat=now() - hour, claimed=now() - hour, created=now() - hour)
    await loop.turn(2)
    if gap == "another took over":
        loop.restart()
    elif gap == "the controller was stopped":
        loop.clock.now += hour.total_seconds()
    await loop.turn(10)
    assert state(database, run) is RunState.RUNNING
    assert runner.stopped == []


async def test_an_api_that_is_away_makes_nobody_silent(database: Database, tmp_path: Path) -> None:
    runner = ScriptedRunner()
    run, loop = await claimed(database, tmp_path, runner)
    await loop.turn()
    await loop.turn(6)
    loop.api_answers = False
    await loop.turn(60)
    assert state(database, run) is RunState.RUNNING
    loop.api_answers = True
    await loop.turn(6)
    assert state(database, run) is RunState.RUNNING
    await loop.turn(1)
    assert state(database, run) is RunState.LOST


async def test_a_worker_that_goes_on_after_its_timeout_is_ended(database: Database, tmp_path: Path) -> None:
    runner = ScriptedRunner()
    run, loop = await claimed(database, tmp_path, runner, timeout=2)
    await loop.turn()
    for _ in range(31):
        claim_it(database, runner)
        await loop.turn(2)
    assert state(database, run) is RunState.RUNNING
    await loop.turn(1)
    assert (attempt_id(run, 1), True) in runner.stopped
    with database.read() as session:
        ended = get_run(session, run)
        assert ended.state is RunState.TIMED_OUT and ended.error is not None
        assert ended.error["message"] == (
            "The run went on for more than its timeout of 2 s and did not stop when asked."
        )


async def test_what_has_reported_its_end_may_take_its_time_to_leave(database: Database, tmp_path: Path) -> None:
    runner = ScriptedRunner(ending_seconds=4)
    run, loop = await claimed(database, tmp_path, runner)
    with database.write() as session:
        settle(session, get_run(session, run), session.get_one(Attempt, (run, 1)), Ending(RunState.SUCCEEDED), Runs())
    age(database, run, ended=now() - timedelta(hours=1))
    await loop.turn()
    await loop.turn(3)
    assert runner.stopped == []
    await loop.turn(1)
    assert runner.stopped == [(attempt_id(run, 1), True)]


async def test_what_is_still_being_prepared_is_not_silent(database: Database, tmp_path: Path) -> None:
    (run,) = queue(database)
    runner = ScriptedRunner()
    loop = Watched(database, tmp_path, runner)
    await loop.turn()
    runner.pending.add(attempt_id(run, 1))
    await loop.turn(20)
    runner.pending.clear()
    await loop.turn()
    await loop.turn(12)
    assert state(database, run) is RunState.STARTING
    await loop.turn(1)
    assert state(database, run) is RunState.LOST
