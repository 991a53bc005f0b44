"""Runs whose pods nodes refuse, or the cluster ends before they have begun."""

from pathlib import Path

import pytest
from noteyard.controller.runs import ANEW, MOST_DISPLACED, RunLoop
from noteyard.domain import RunState
from noteyard.settings import Runs
from noteyard.store import Database
from noteyard.store.attempts import attempt_id, claim
from noteyard.store.runs import cancel_run, get_run
from noteyard.store.tables import Attempt
from noteyard.store.types import now

from tests.support.rows import add_person, add_run, add_some_release
from tests.support.scripted import ScriptedRunner, context

REFUSED = "its node did not take it (OutOfcpu): not enough cpu"


def queue(database: Database, **fields: object) -> str:
    with database.write() as session:
        add_person(session, "ada")
        return add_run(session, add_some_release(session, "ada"), "ada", **fields).id


def state(database: Database, run: str) -> RunState:
    with database.read() as session:
        return get_run(session, run).state


def refuse(runner: ScriptedRunner) -> None:
    """A node refuses what was started last."""
    id = runner.started[-1].id
    runner.displaced.add(id)
    runner.die(id, REFUSED)


async def test_a_run_that_a_node_refuses_begins_again_after_a_pause_and_uses_up_no_retry(
    database: Database, tmp_path: Path
) -> None:
    run = queue(database, retries=1)
    runner = ScriptedRunner()
    loop = RunLoop(context(database, tmp_path, runner))
    await loop.turn()
    refuse(runner)
    for _ in range(3):
        await loop.turn()
    with database.write() as session:
        first, found = session.get_one(Attempt, (run, 1)), get_run(session, run)
        assert first.state is RunState.INTERRUPTED
        assert first.error is not None
        assert first.error["message"] == f"The worker ended before it began: {REFUSED}."
        assert first.error["hint"] == ANEW
        assert (found.state, found.retries_used) == (RunState.QUEUED, 0)
        assert found.not_before is not None and found.not_before > now()
        found.not_before = now()
    assert len(runner.started) == 1
    await loop.turn()
    assert [start.id for start in runner.started] == [attempt_id(run, 1), attempt_id(run, 2)]


async def test_a_run_that_nodes_refuse_again_and_again_uses_up_its_retries(database: Database, tmp_path: Path) -> None:
    run = queue(database)
    runner = ScriptedRunner()
    settings = {"runs": Runs(retry_base_seconds=1e-6, retry_cap_seconds=1e-6)}
    loop = RunLoop(context(database, tmp_path, runner, **settings))
    for _ in range(MOST_DISPLACED + 1):
        await loop.turn()
        refuse(runner)
        await loop.turn()
    assert state(database, run) is RunState.LOST
    assert len(runner.started) == MOST_DISPLACED + 1


@pytest.mark.parametrize("what", ["claimed", "cancelled"])
async def test_a_displaced_run_that_had_begun_or_is_not_wanted_does_not_begin_again(
    database: Database, tmp_path: Path, what: str
) -> None:
    run = queue(database)
    runner = ScriptedRunner()
    loop = RunLoop(context(database, tmp_path, runner))
    await loop.turn()
    if what == "claimed":
        start = runner.started[-1]
        with database.write() as session:
            claim(session, start.id, start.token, start.token)
    else:
        with database.write() as session:
            cancel_run(session, run)
    refuse(runner)
    await loop.turn()
    assert state(database, run) is (RunState.LOST if what == "claimed" else RunState.CANCELLED)
