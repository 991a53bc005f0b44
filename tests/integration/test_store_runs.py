"""Runs and attempts in both databases: states, retries, claims, logs, fairness, fencing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from noteyard.domain import FireState, OverlapPolicy, RunState, Target
from noteyard.errors import Conflict, NotFound
from noteyard.settings import Runs
from noteyard.store import Database
from noteyard.store.attempts import (
    Ending,
    Progress,
    attempt_by_token,
    attempt_id,
    begin_attempt,
    claim,
    log_text,
    report,
    requeue_interrupted,
    settle,
)
from noteyard.store.lease import LostLease, acquire, guard, release
from noteyard.store.runs import (
    RunFilter,
    active_counts,
    cancel_run,
    fair_order,
    get_run,
    list_runs,
    move,
    waiting_runs,
)
from noteyard.store.schedules import record_fire
from noteyard.store.tables import Attempt, Run, Schedule, ScheduleFire
from noteyard.store.types import now
from noteyard.tokens import renew_token

from tests.support.rows import add_person, add_run, add_some_release

SETTINGS = Runs(retry_base_seconds=10, retry_cap_seconds=100)
CHOSEN = "the worker's own token"
FAILED = Ending(RunState.FAILED, {"cell": 1, "name": "ValueError", "message": "no", "traceback": "", "hint": None})


def start(database: Database, **fields: object) -> tuple[str, str]:
    """A run with a claimed attempt; (run, token)."""
    with database.write() as session:
        add_person(session, "ada")
        run = add_run(session, add_some_release(session, "ada"), "ada", **fields)
        token = begin_attempt(session, run, 1)
        claim(session, attempt_id(run.id, 1), token, CHOSEN)
        return run.id, token


def test_a_claim_is_given_once(database: Database) -> None:
    run, token = start(database)
    with database.write() as session, pytest.raises(NotFound, match="not known under this token"):
        claim(session, attempt_id(run, 1), token, "another process's")


def test_a_claim_that_is_repeated_changes_nothing(database: Database) -> None:
    run, token = start(database)
    with database.read() as session:
        first = session.get_one(Attempt, (run, 1)).claimed
    with database.write() as session:
        assert claim(session, attempt_id(run, 1), token, CHOSEN)[1].claimed == first
        assert get_run(session, run).state is RunState.RUNNING


def test_an_attempt_that_is_over_is_claimed_by_nobody(database: Database) -> None:
    run, token = start(database)
    with database.write() as session:
        settle(session, get_run(session, run), session.get_one(Attempt, (run, 1)), FAILED, SETTINGS)
    with database.write() as session, pytest.raises(Conflict, match=rf"Attempt {run}\.1 is over\."):
        claim(session, attempt_id(run, 1), token, CHOSEN)


def test_a_renewed_token_shuts_the_old_one_out(database: Database) -> None:
    run, token = start(database)
    with database.write() as session:
        renew_token(session.get_one(Attempt, (run, 1)))
    with database.write() as session, pytest.raises(NotFound, match="not known under this token"):
        attempt_by_token(session, attempt_id(run, 1), token)


def test_of_many_claims_at_once_one_wins(database: Database) -> None:
    with database.write() as session:
        add_person(session, "ada")
        run = add_run(session, add_some_release(session, "ada"), "ada")
        token = begin_attempt(session, run, 1)
    id = attempt_id(run.id, 1)

    def try_claim(process: int) -> bool:
        try:
            with database.write() as session:
                claim(session, id, token, f"the token of process {process}")
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_claim, range(16))) == 1


def test_a_failed_attempt_is_tried_again_later_and_then_fails_for_good(database: Database) -> None:
    run_id, _ = start(database, retries=1)
    with database.write() as session:
        run = get_run(session, run_id)
        settle(session, run, session.get_one(Attempt, (run_id, 1)), FAILED, SETTINGS)
        assert run.state == RunState.QUEUED
        assert timedelta(seconds=4) < run.not_before - now() <= timedelta(seconds=10)
        assert waiting_runs(session, now()) == []
        assert waiting_runs(session, now() + timedelta(seconds=11)) == [run]
        begin_attempt(session, run, 1)
        settle(session, run, session.get_one(Attempt, (run_id, 2)), FAILED, SETTINGS)
        assert run.state == RunState.FAILED
        assert run.ended is not None
        assert run.error == FAILED.error


def test_an_interrupted_attempt_is_tried_again_without_using_a_retry(database: Database) -> None:
    run_id, _ = start(database)
    with database.write() as session:
        run = get_run(session, run_id)
        settle(session, run, session.get_one(Attempt, (run_id, 1)), Ending(RunState.INTERRUPTED), SETTINGS)
        assert run.state == RunState.INTERRUPTED
    with database.write() as session:
        assert requeue_interrupted(session) == 1
    with database.read() as session:
        assert get_run(session, run_id).state == RunState.QUEUED


def test_settling_twice_changes_nothing(database: Database) -> None:
    run_id, _ = start(database)
    with database.write() as session:
        run, attempt = get_run(session, run_id), session.get_one(Attempt, (run_id, 1))
        settle(session, run, attempt, Ending(RunState.SUCCEEDED), SETTINGS)
        settle(session, run, attempt, FAILED, SETTINGS)
        assert run.state == RunState.SUCCEEDED


def test_a_cancelled_run_is_not_retried(database: Database) -> None:
    run_id, _ = start(database, retries=3)
    with database.write() as session:
        run = cancel_run(session, run_id)
        assert (run.state, run.target) == (RunState.RUNNING, Target.CANCEL)
        assert report(session, run, session.get_one(Attempt, (run_id, 1)), Progress(0, 0, 1)) is True
        settle(session, run, session.get_one(Attempt, (run_id, 1)), Ending(RunState.CANCELLED), SETTINGS)
        assert run.state == RunState.CANCELLED


def test_cancelling_a_queued_run_ends_it_at_once(database: Database) -> None:
    with database.write() as session:
        add_person(session, "ada")
        run = add_run(session, add_some_release(session, "ada"), "ada")
        assert cancel_run(session, run.id).state == RunState.CANCELLED
        assert cancel_run(session, run.id).state == RunState.CANCELLED


def test_a_locked_run_is_as_it_is_now(database: Database) -> None:
    if database.engine.dialect.name == "sqlite":
        pytest.skip("SQLite's writers are alone from their first look on")
    run, _ = start(database)
    with database.write() as session:
        assert get_run(session, run).state is RunState.RUNNING
        with database.write() as other:
            settle(other, get_run(other, run), other.get_one(Attempt, (run, 1)), Ending(RunState.SUCCEEDED), SETTINGS)
        assert cancel_run(session, run).state is RunState.SUCCEEDED
    with database.read() as session:
        assert get_run(session, run).target is Target.RUN


def test_an_ended_run_never_moves_again(database: Database) -> None:
    run_id, _ = start(database)
    with database.write() as session:
        run = get_run(session, run_id)
        move(run, RunState.SUCCEEDED)
        with pytest.raises(ValueError, match="can't go from succeeded to queued"):
            move(run, RunState.QUEUED)


def test_log_chunks_that_come_twice_or_overlap_are_kept_once(database: Database) -> None:
    run_id, _ = start(database)
    with database.write() as session:
        run, attempt = get_run(session, run_id), session.get_one(Attempt, (run_id, 1))
        for offset, text in ((0, "one "), (0, "one "), (2, "e two"), (7, " three")):
            report(session, run, attempt, Progress(0, 0, 1, offset, text))
        with pytest.raises(Conflict, match="known up to 13"):
            report(session, run, attempt, Progress(0, 0, 1, 99, "later"))
    with database.read() as session:
        assert log_text(session, run_id, 1) == "one two three"
        assert log_text(session, run_id, 1, 8) == "three"


def test_waiting_runs_start_fairly_between_people(database: Database) -> None:
    with database.write() as session:
        for name in ("ada", "bob", "eve"):
            add_person(session, name)
        mine = add_some_release(session, "ada")
        first = [add_run(session, mine, "ada") for _ in range(5)]
        bobs = add_run(session, mine, "bob")
        eves = add_run(session, mine, "eve")
        begin_attempt(session, first[0], 1)
        chosen = fair_order(waiting_runs(session, now()), active_counts(session), total=4, per_person=2)
    assert {run.id for run in chosen[:2]} == {bobs.id, eves.id}
    assert [run.owner for run in chosen] == ["bob", "eve", "ada"]


def test_many_waiting_runs_of_one_person_hide_nobody_elses(database: Database) -> None:
    with database.write() as session:
        for name in ("ada", "bob"):
            add_person(session, name)
        mine = add_some_release(session, "ada")
        many = [add_run(session, mine, "ada").id for _ in range(4)]
        bobs = add_run(session, mine, "bob").id
        assert [run.id for run in waiting_runs(session, now(), limit=3)] == [many[0], bobs, many[1]]


def test_a_queueing_schedule_runs_one_at_a_time(database: Database) -> None:
    with database.write() as session:
        add_person(session, "ada")
        made = add_some_release(session, "ada")
        schedule = _schedule(made.id, overlap=OverlapPolicy.QUEUE)
        session.add(schedule)
        session.flush()
        runs = [add_run(session, made, "ada", schedule=schedule.id, due=now()) for _ in range(3)]
        chosen = fair_order(waiting_runs(session, now()), {}, total=4, per_person=4)
        assert [run.id for run in chosen] == [runs[0].id]
        begin_attempt(session, runs[0], 1)
        assert waiting_runs(session, now()) == []


def test_a_due_time_is_recorded_once(database: Database) -> None:
    due = datetime(2026, 11, 22, 6, tzinfo=UTC)
    with database.write() as session:
        add_person(session, "ada")
        session.add(_schedule(add_some_release(session, "ada").id))
        session.flush()
        assert record_fire(session, "c1", due, FireState.FIRED, run="r1") is True
    with database.write() as session:
        assert record_fire(session, "c1", due, FireState.SKIPPED) is False
    with database.read() as session:
        assert session.get_one(ScheduleFire, ("c1", due)).run == "r1"


def test_pages_of_runs_hold_every_run_once(database: Database) -> None:
    with database.write() as session:
        add_person(session, "ada")
        made = add_some_release(session, "ada")
        ids = {add_run(session, made, "ada").id for _ in range(7)}
        same = now()
        for run in session.query(Run):
            run.created = same
    seen: list[str] = []
    cursor = None
    with database.read() as session:
        while True:
            found = list_runs(session, RunFilter(visible_to="ada", cursor=cursor, limit=3))
            seen += [run.id for run in found[:3]]
            if len(found) <= 3:
                break
            cursor = found[2].id
    assert len(seen) == 7
    assert set(seen) == ids


def test_only_the_newest_leader_writes(database: Database) -> None:
    with database.write() as session:
        assert acquire(session, "controller", "a", 10) == 1
        assert acquire(session, "controller", "b", 10) is None
    with database.write() as session:
        release(session, "controller", "a")
    with database.write() as session:
        assert acquire(session, "controller", "b", 10) == 2
        guard(session, "controller", 2)
        with pytest.raises(LostLease, match="epoch 1 is over"):
            guard(session, "controller", 1)


def _schedule(release: str, overlap: OverlapPolicy = OverlapPolicy.SKIP) -> Schedule:
    return Schedule(
        id="c1",
        name="nightly",
        owner="ada",
        release=release,
        cron="0 6 * * *",
        timezone="UTC",
        parameters={},
        catch_up="last",
        catch_up_window=86400,
        overlap=overlap,
        retries=0,
        alerts={"mail": [], "webhooks": []},
    )
