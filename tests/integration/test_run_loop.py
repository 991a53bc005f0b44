"""The loop of runs against processes that begin, vanish and hang on command."""

from datetime import timedelta
from pathlib import Path

import pytest
from noteyard.backends.base import Start
from noteyard.controller.runs import RunLoop
from noteyard.domain import RunState
from noteyard.errors import NoteyardError, Unavailable
from noteyard.settings import Runs
from noteyard.store import Database
from noteyard.store.attempts import Ending, attempt_id, claim, settle
from noteyard.store.lease import LostLease
from noteyard.store.runs import cancel_run, get_run
from noteyard.store.s3_keys import find_key, key_for_run
from noteyard.store.tables import Attempt, Lease, Release, Run
from noteyard.store.types import now

from tests.support.rows import add_person, add_run, add_some_release
from tests.support.scripted import Crash, ScriptedRunner, context
from tests.support.waiting import until

ERROR = {"cell": 0, "name": "ValueError", "message": "no", "traceback": "", "hint": None}


def queue(database: Database, count: int = 1, **fields: object) -> list[str]:
    with database.write() as session:
        add_person(session, "ada")
        made = add_some_release(session, "ada")
        return [add_run(session, made, "ada", **fields).id for _ in range(count)]


def state(database: Database, run: str) -> RunState:
    with database.read() as session:
        return get_run(session, run).state


def age(database: Database, run: str, **fields: object) -> None:
    with database.write() as session:
        attempt = session.get_one(Attempt, (run, get_run(session, run).attempt))
        for name, value in fields.items():
            setattr(attempt, name, value)


def claim_it(database: Database, runner: ScriptedRunner) -> None:
    claim_one(database, runner.started[-1])


def due(database: Database, run: str) -> bool:
    with database.read() as session:
        waits = get_run(session, run).not_before
        return waits is None or waits <= now()


def claim_one(database: Database, start: Start) -> None:
    with database.write() as session:
        claim(session, start.id, start.token, start.token)


async def test_a_queued_run_is_started_once(database: Database, tmp_path: Path) -> None:
    (run,) = queue(database, timeout=90)
    runner = ScriptedRunner()
    loop = RunLoop(context(database, tmp_path, runner))
    for _ in range(3):
        await loop.turn()
    assert [start.id for start in runner.started] == [attempt_id(run, 1)]
    assert (runner.started[0].profile, runner.started[0].timeout) == ("default", 90)
    assert state(database, run) is RunState.STARTING


async def test_a_crash_before_the_process_is_made_up_for(database: Database, tmp_path: Path) -> None:
    (run,) = queue(database, timeout=90)
    runner = ScriptedRunner(crash_before_start=True)
    with pytest.raises(Crash):
        await RunLoop(context(database, tmp_path, runner)).turn()
    age(database, run, created=now() - timedelta(seconds=10))
    successor = RunLoop(context(database, tmp_path, runner))
    await successor.turn()
    assert [(start.id, start.timeout) for start in runner.started] == [(attempt_id(run, 1), 90)]
    claim_it(database, runner)
    await successor.turn()
    assert state(database, run) is RunState.RUNNING


async def test_a_new_controller_adopts_what_runs(database: Database, tmp_path: Path) -> None:
    (run,) = queue(database)
    runner = ScriptedRunner()
    await RunLoop(context(database, tmp_path, runner)).turn()
    claim_it(database, runner)
    await RunLoop(context(database, tmp_path, runner)).turn()
    assert len(runner.started) == 1
    assert state(database, run) is RunState.RUNNING


async def test_a_vanished_worker_is_said_so_in_words(database: Database, tmp_path: Path) -> None:
    (run,) = queue(database)
    runner = ScriptedRunner()
    loop = RunLoop(context(database, tmp_path, runner))
    await loop.turn()
    claim_it(database, runner)
    runner.die(attempt_id(run, 1), "killed (SIGKILL), most often because the machine ran out of memory")
    await loop.turn()
    with database.read() as session:
        ended = get_run(session, run)
        assert ended.state is RunState.LOST
        assert ended.error is not None
        assert ended.error["message"] == (
            "The worker vanished: killed (SIGKILL), most often because the machine ran out of memory."
        )


async def test_a_retry_waits_until_the_attempt_before_is_proven_dead(database: Database, tmp_path: Path) -> None:
    (run,) = queue(database, retries=1)
    runner = ScriptedRunner()
    settings = {"runs": Runs(retry_base_seconds=0.001, retry_cap_seconds=0.002)}
    loop = RunLoop(context(database, tmp_path, runner, **settings))
    await loop.turn()
    claim_it(database, runner)
    with database.write() as session:
        failed = Ending(RunState.FAILED, {"cell": 0, "name": "E", "message": "", "traceback": "", "hint": None})
        settle(session, get_run(session, run), session.get_one(Attempt, (run, 1)), failed, settings["runs"])
    await loop.turn()
    assert len(runner.started) == 1, "the first attempt's process is still there"
    runner.alive.clear()
    await loop.turn()
    assert [start.id for start in runner.started] == [attempt_id(run, 1), attempt_id(run, 2)]


@pytest.mark.parametrize("trace", ["none", "an end that is known"])
async def test_a_run_that_ends_with_the_installation_is_tried_again(
    database: Database, tmp_path: Path, trace: str
) -> None:
    (run,) = queue(database)
    runner = ScriptedRunner()
    made = context(database, tmp_path, runner)
    await RunLoop(made).turn()
    claim_it(database, runner)
    runner.alive.clear()
    if trace != "none":
        runner.die(attempt_id(run, 1), "it was killed (SIGKILL)")
    made.began = now() + timedelta(seconds=1)
    await RunLoop(made).turn()
    await RunLoop(made).turn()
    assert [start.id for start in runner.started] == [attempt_id(run, 1), attempt_id(run, 2)]
    with database.read() as session:
        assert session.get_one(Attempt, (run, 1)).state is RunState.INTERRUPTED


def interrupt(database: Database, run: str) -> None:
    """What a worker reports that was told to end."""
    with database.write() as session:
        attempt = session.get_one(Attempt, (run, 1))
        settle(session, get_run(session, run), attempt, Ending(RunState.INTERRUPTED), Runs())


async def test_an_interrupted_run_begins_again_when_its_process_has_ended(database: Database, tmp_path: Path) -> None:
    (run,) = queue(database)
    runner = ScriptedRunner()
    loop = RunLoop(context(database, tmp_path, runner))
    await loop.turn()
    claim_it(database, runner)
    interrupt(database, run)
    await loop.turn()
    assert state(database, run) is RunState.INTERRUPTED
    runner.die(attempt_id(run, 1), "its process ended")
    await loop.turn()
    await loop.turn()
    assert [start.id for start in runner.started] == [attempt_id(run, 1), attempt_id(run, 2)]


async def test_an_interrupted_run_that_had_used_too_much_is_lost_and_not_begun_again(
    database: Database, tmp_path: Path
) -> None:
    (run,) = queue(database)
    runner = ScriptedRunner()
    loop = RunLoop(context(database, tmp_path, runner))
    await loop.turn()
    claim_it(database, runner)
    interrupt(database, run)
    runner.die(attempt_id(run, 1), "the cluster ended it (Evicted): the folder is full")
    runner.exceeded.add(attempt_id(run, 1))
    await loop.turn()
    await loop.turn()
    with database.read() as session:
        ended = get_run(session, run)
        assert ended.state is RunState.LOST
        assert ended.error is not None
        assert ended.error["message"] == "The worker vanished: the cluster ended it (Evicted): the folder is full."
    assert len(runner.started) == 1


async def test_a_start_that_the_platform_is_away_for_is_made_later(database: Database, tmp_path: Path) -> None:
    (run,) = queue(database)
    runner = ScriptedRunner(refuse=Unavailable("The Kubernetes API does not answer."))
    loop = RunLoop(context(database, tmp_path, runner))
    await loop.turn()
    assert state(database, run) is RunState.STARTING
    runner.refuse = None
    with database.write() as session:
        session.get_one(Attempt, (run, 1)).created = now() - timedelta(seconds=10)
    await loop.turn()
    assert [start.id for start in runner.started] == [attempt_id(run, 1)]


async def test_a_run_that_cannot_be_started_says_why(database: Database, tmp_path: Path) -> None:
    (run,) = queue(database)
    runner = ScriptedRunner(
        refuse=NoteyardError("The environment /nowhere does not exist.", "Set profiles.0.environment.")
    )
    await RunLoop(context(database, tmp_path, runner)).turn()
    with database.read() as session:
        ended = get_run(session, run)
        assert ended.state is RunState.FAILED
        assert ended.error is not None
        assert ended.error["message"] == "The environment /nowhere does not exist."
        assert ended.error["hint"] == "Set profiles.0.environment."


async def test_a_profile_that_was_closed_to_the_owner_starts_nothing(database: Database, tmp_path: Path) -> None:
    (run,) = queue(database)
    runner = ScriptedRunner()
    closed = [{"name": "default", "groups": ["sales"]}]
    await RunLoop(context(database, tmp_path, runner, profiles=closed)).turn()
    assert runner.started == []
    with database.read() as session:
        ended = get_run(session, run)
        assert ended.state is RunState.FAILED and ended.error is not None
        assert ended.error["message"] == f"The profile 'default' is not open to {ended.owner} any more."


async def test_a_process_nobody_knows_is_ended(database: Database, tmp_path: Path) -> None:
    runner = ScriptedRunner(alive={"rgone.1"})
    await RunLoop(context(database, tmp_path, runner)).turn()
    assert runner.stopped == [("rgone.1", True)]
    assert not runner.alive


async def test_a_controller_that_lost_its_lease_starts_nothing(database: Database, tmp_path: Path) -> None:
    queue(database)
    runner = ScriptedRunner()
    loop = RunLoop(context(database, tmp_path, runner))
    with database.write() as session:
        session.get_one(Lease, "controller").epoch += 1
    with pytest.raises(LostLease):
        await loop.turn()
    assert runner.started == []
    with database.read() as session:
        assert session.query(Run).one().state is RunState.QUEUED


async def test_an_attempt_that_can_not_be_cleaned_keeps_no_other_from_starting(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = queue(database, 2)
    runner = ScriptedRunner()
    loop = RunLoop(context(database, tmp_path, runner, runs=Runs(concurrent=1)))
    await loop.turn()
    started = runner.started[0].id

    async def refuse(_: str) -> None:
        raise OSError("the folder is on a disk that is gone")

    monkeypatch.setattr(runner, "clean", refuse)
    runner.die(started, "it crashed")
    await loop.turn()
    await loop.turn()
    assert {start.id for start in runner.started} == {attempt_id(first, 1), attempt_id(second, 1)}


async def test_a_process_that_can_not_be_ended_keeps_no_other_run_from_starting(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = queue(database, 2)
    runner = ScriptedRunner()
    loop = RunLoop(context(database, tmp_path, runner, runs=Runs(concurrent=2, concurrent_per_person=1)))
    await loop.turn()
    with database.write() as session:
        cancel_run(session, first)
        add_person(session, "bob")
        bobs = add_run(session, add_some_release(session, "bob"), "bob").id

    async def refuse(_: str, *, kill: bool = False) -> None:
        raise NoteyardError("it hangs in the kernel")

    monkeypatch.setattr(runner, "stop", refuse)
    await loop.turn()
    assert {start.id for start in runner.started} == {attempt_id(first, 1), attempt_id(bobs, 1)}
    assert state(database, second) is RunState.QUEUED


async def test_a_run_that_waits_for_its_attempt_to_end_takes_no_place(database: Database, tmp_path: Path) -> None:
    class Stuck(ScriptedRunner):
        async def clean(self, id: str) -> None:
            raise PermissionError(13, "Permission denied", "root-owned")

    limits = Runs(concurrent=2, concurrent_per_person=2, retry_base_seconds=0.001, retry_cap_seconds=0.001)
    first, second = queue(database, 2, retries=1)
    runner = Stuck()
    loop = RunLoop(context(database, tmp_path, runner, runs=limits))
    await loop.turn()
    for start in list(runner.started):
        run, _ = start.id.split(".")
        claim_one(database, start)
        with database.write() as session:
            row = get_run(session, run)
            settle(session, row, session.get_one(Attempt, (run, 1)), Ending(RunState.FAILED, ERROR), limits)
        runner.die(start.id, "exit code 1")
    until(lambda: due(database, first) and due(database, second), 10, "both may be tried again")
    with database.write() as session:
        release = session.get_one(Release, get_run(session, first).release)
        third = add_run(session, release, "ada").id
    await loop.turn()
    assert [state(database, run) for run in (first, second, third)] == [
        RunState.QUEUED,
        RunState.QUEUED,
        RunState.STARTING,
    ]


async def test_a_disk_that_is_full_for_a_moment_costs_no_run(database: Database, tmp_path: Path) -> None:
    class Full(ScriptedRunner):
        full = True

        async def start(self, start: Start) -> None:
            if self.full:
                self.full = False
                raise OSError(28, "No space left on device")
            await super().start(start)

    first, second = queue(database, 2)
    runner = Full()
    loop = RunLoop(context(database, tmp_path, runner))
    await loop.turn()
    assert [start.id for start in runner.started] == [attempt_id(second, 1)]
    age(database, first, created=now() - timedelta(seconds=4))
    await loop.turn()
    assert [start.id for start in runner.started] == [attempt_id(second, 1), attempt_id(first, 1)]


async def test_the_keys_of_a_run_end_with_it_however_it_ends(database: Database, tmp_path: Path) -> None:
    (run,) = queue(database)
    runner = ScriptedRunner()
    loop = RunLoop(context(database, tmp_path, runner))
    await loop.turn()
    claim_it(database, runner)
    with database.write() as session:
        key = key_for_run(session, get_run(session, run)).access_key
    runner.die(attempt_id(run, 1), "killed (SIGKILL)")
    await loop.turn()
    with database.read() as session:
        assert find_key(session, key) is None
