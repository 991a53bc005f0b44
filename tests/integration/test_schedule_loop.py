"""The loop of schedules: each due time once, catch-up, overlap, templates, crashes between any two steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from noteyard import schedule_changes
from noteyard.controller import schedules
from noteyard.controller.schedules import ScheduleLoop, fire_schedule
from noteyard.domain import CatchUpPolicy, FireState, OverlapPolicy, RunState
from noteyard.errors import InvalidParameters
from noteyard.notifications import Alert, AlertKind, mail_text
from noteyard.run_parameters import rendered_parameters
from noteyard.schedule_changes import Plan, create_schedule
from noteyard.settings import Runs, Settings
from noteyard.store import Database
from noteyard.store.attempts import Ending, begin_attempt, requeue_interrupted, settle
from noteyard.store.releases import get_release
from noteyard.store.runs import fair_order, get_run, move, waiting_runs
from noteyard.store.schedules import get_schedule
from noteyard.store.tables import Attempt, Message, Run, Schedule, ScheduleFire
from noteyard.store.types import now
from noteyard.urls import PublicUrls
from sqlalchemy import delete, event, select

from tests.support.rows import add_person, add_some_release
from tests.support.scripted import ScriptedRunner, context

SIX = datetime(2026, 11, 22, 6, tzinfo=UTC)


def make(database: Database, cell: str = "n: int = 1", **fields: Any) -> str:
    with database.write() as session:
        add_person(session, "ada")
        release = add_some_release(session, "ada", parameters=cell)
        plan = Plan(**{"name": "hourly", "release": release, "cron": "0 * * * *", "timezone": "UTC", **fields})
        schedule = create_schedule(session, plan, "ada")
        schedule.next_due = SIX
        return schedule.id


def fire(database: Database, id: str, moment: datetime) -> None:
    with database.write() as session:
        fire_schedule(session, get_schedule(session, id), moment)


def fires(database: Database) -> list[tuple[int, FireState, bool]]:
    with database.read() as session:
        rows = session.scalars(select(ScheduleFire).order_by(ScheduleFire.due))
        return [(row.due.hour, row.state, row.run is not None) for row in rows]


def runs(database: Database) -> list[Run]:
    with database.read() as session:
        return list(session.scalars(select(Run).order_by(Run.due)))


def test_a_due_time_makes_one_run_and_sets_the_next(database: Database) -> None:
    id = make(database)
    fire(database, id, SIX + timedelta(seconds=1))
    assert fires(database) == [(6, FireState.FIRED, True)]
    with database.read() as session:
        schedule = get_schedule(session, id)
        assert (schedule.next_due, schedule.last_due) == (SIX + timedelta(hours=1), SIX)
    (run,) = runs(database)
    assert (run.schedule, run.due, run.owner) == (id, SIX, "ada")


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (CatchUpPolicy.ALL, [FireState.FIRED] * 4),
        (CatchUpPolicy.LAST, [FireState.MISSED] * 3 + [FireState.FIRED]),
        (CatchUpPolicy.NONE, [FireState.MISSED] * 4),
    ],
)
def test_after_an_outage_the_policy_decides(
    database: Database, policy: CatchUpPolicy, expected: list[FireState]
) -> None:
    id = make(database, catch_up=policy, overlap=OverlapPolicy.ALLOW)
    fire(database, id, SIX + timedelta(hours=3, minutes=30))
    assert [state for _, state, _ in fires(database)] == expected
    assert len(runs(database)) == expected.count(FireState.FIRED)


def test_all_missed_times_are_made_up_for_one_after_another_where_overlap_skips(database: Database) -> None:
    id = make(database, catch_up=CatchUpPolicy.ALL, overlap=OverlapPolicy.SKIP)
    fire(database, id, SIX + timedelta(hours=3, minutes=30))
    assert [state for _, state, _ in fires(database)] == [FireState.FIRED] * 4
    with database.write() as session:
        waiting = waiting_runs(session, now())
        (first,) = fair_order(waiting, {}, total=4, per_person=4)
        assert (first.due, len(waiting)) == (SIX, 4)
        begin_attempt(session, first, 1)
        session.flush()
        assert waiting_runs(session, now()) == []


@pytest.mark.parametrize("ending", [RunState.FAILED, RunState.INTERRUPTED])
def test_a_queued_run_waits_until_the_one_before_it_is_over_with_all_its_attempts(
    database: Database, ending: RunState
) -> None:
    id = make(database, overlap=OverlapPolicy.QUEUE, retries=1)
    fire(database, id, SIX)
    fire(database, id, SIX + timedelta(hours=1))
    first, second = (run.id for run in runs(database))
    limits = Runs(retry_base_seconds=60)
    with database.write() as session:
        begin_attempt(session, get_run(session, first), 1)
        settle(session, get_run(session, first), session.get_one(Attempt, (first, 1)), Ending(ending), limits)
    with database.write() as session:
        assert waiting_runs(session, now()) == [], "the first waits for its next attempt"
        requeue_interrupted(session)
    later = now() + timedelta(minutes=5)
    with database.write() as session:
        assert [run.id for run in waiting_runs(session, later)] == [first]
        begin_attempt(session, get_run(session, first), 1)
        move(get_run(session, first), RunState.RUNNING)
        last = session.get_one(Attempt, (first, 2))
        settle(session, get_run(session, first), last, Ending(RunState.SUCCEEDED), limits)
    with database.read() as session:
        assert [run.id for run in waiting_runs(session, later)] == [second]


def test_what_is_older_than_the_window_is_missed(database: Database) -> None:
    id = make(database, catch_up=CatchUpPolicy.ALL, catch_up_window=2 * 3600, overlap=OverlapPolicy.ALLOW)
    fire(database, id, SIX + timedelta(hours=3, minutes=30))
    states = [state for _, state, _ in fires(database)]
    assert states == [FireState.MISSED, FireState.MISSED, FireState.FIRED, FireState.FIRED]
    with database.read() as session:
        reason = session.get_one(ScheduleFire, (id, SIX)).reason
        assert reason is not None
        assert "longer ago than the schedule's catch-up window" in reason


@pytest.mark.parametrize(
    ("policy", "second"),
    [
        (OverlapPolicy.SKIP, FireState.SKIPPED),
        (OverlapPolicy.QUEUE, FireState.FIRED),
        (OverlapPolicy.ALLOW, FireState.FIRED),
    ],
)
def test_overlap(database: Database, policy: OverlapPolicy, second: FireState) -> None:
    id = make(database, overlap=policy)
    fire(database, id, SIX)
    fire(database, id, SIX + timedelta(hours=1))
    assert [state for _, state, _ in fires(database)] == [FireState.FIRED, second]


def test_templates_are_filled_in_for_the_fire(database: Database) -> None:
    id = make(
        database,
        "from datetime import date\nday: date\nsince: date",
        parameters={"day": "{{ due | date }}", "since": "{{ previous_due | date }}"},
        cron="0 6 * * *",
        overlap=OverlapPolicy.ALLOW,
    )
    fire(database, id, SIX)
    fire(database, id, SIX + timedelta(days=1))
    with database.read() as session:
        schedule = session.get_one(Schedule, id)
        values = [
            rendered_parameters(run, 1, get_release(session, run.release).schema, schedule) for run in runs(database)
        ]
    assert values == [{"day": "2026-11-22", "since": "2026-11-21"}, {"day": "2026-11-23", "since": "2026-11-22"}]


def test_a_schedules_new_time_zone_changes_no_run_of_before(database: Database) -> None:
    id = make(
        database,
        "from datetime import date\nday: date",
        parameters={"day": "{{ due | date }}"},
        timezone="Europe/Berlin",
    )
    late = datetime(2026, 11, 22, 23, tzinfo=UTC)
    with database.write() as session:
        get_schedule(session, id).next_due = late
    fire(database, id, late)
    with database.write() as session:
        get_schedule(session, id).timezone = "UTC"
    with database.read() as session:
        schedule = session.get_one(Schedule, id)
        schema = get_release(session, schedule.release).schema
        (run,) = runs(database)
        values = [rendered_parameters(run, attempt, schema, schedule) for attempt in (1, 2)]
    assert values == [{"day": "2026-11-23"}] * 2, "it was due at midnight in Berlin"


def test_a_wrong_template_is_refused_when_saved(database: Database) -> None:
    with pytest.raises(InvalidParameters, match="n: "):
        make(database, parameters={"n": "{{ due | date }}"})
    with database.read() as session:
        assert session.scalars(select(Schedule)).all() == []


def test_a_paused_schedule_fires_no_more_until_resumed(database: Database) -> None:
    id = make(database)
    with database.write() as session:
        schedule_changes.pause(get_schedule(session, id), "Paused by ada.")
    with database.write() as session:
        schedule = get_schedule(session, id)
        assert schedule.next_due is None
        schedule_changes.resume(schedule)
        assert schedule.next_due is not None
        assert schedule.next_due > now()


async def test_a_rule_that_is_no_longer_good_pauses_its_schedule_alone(database: Database, tmp_path: Path) -> None:
    id = make(database)
    with database.write() as session:
        good = get_schedule(session, id)
        release = get_release(session, good.release)
        told = {"mail": ["ada@example.org"], "webhooks": []}
        bad = create_schedule(session, Plan("bad", release, "0 * * * *", "UTC", alerts=told), "ada")
        bad.timezone = "Gone/Away"
        bad.next_due = SIX - timedelta(hours=1)
    await ScheduleLoop(context(database, tmp_path, ScriptedRunner())).turn()
    with database.read() as session:
        paused = get_schedule(session, bad.id)
        assert paused.paused is True
        assert paused.paused_reason == "Paused by Noteyard: There is no time zone named `Gone/Away`."
        assert get_schedule(session, id).last_due is not None
        missed = session.get_one(ScheduleFire, (bad.id, SIX - timedelta(hours=1)))
        assert (missed.state, missed.reason) == (FireState.MISSED, paused.paused_reason)
        (told,) = session.scalars(select(Message))
    alert = Alert.from_payload(told.payload)
    said = "The schedule is paused: There is no time zone named `Gone/Away`."
    assert (told.recipient, alert.kind, alert.reason) == ("ada@example.org", AlertKind.MISSED, said)
    assert "2026-11-22 05:00 UTC" in mail_text(alert, PublicUrls.of(Settings()))


async def test_between_schedules_that_take_long_others_may_write(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(database)
    with database.write() as session:
        release = get_release(session, session.scalars(select(Schedule)).one().release)
        for number in range(3):
            create_schedule(session, Plan(f"s{number}", release, "0 * * * *", "UTC"), "ada").next_due = SIX
    monkeypatch.setattr(schedules, "LONGEST_WRITE", 0.0)
    commits = []
    event.listen(database.engine, "commit", commits.append)
    await ScheduleLoop(context(database, tmp_path, ScriptedRunner())).turn()
    assert len(runs(database)) == 4
    assert len(commits) >= 4


async def test_a_schedule_that_breaks_undoes_no_other_fire(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = make(database)
    with database.write() as session:
        release = get_release(session, get_schedule(session, id).release)
        broken = create_schedule(session, Plan("broken", release, "0 * * * *", "UTC"), "ada")
        broken.next_due = SIX
    real = schedules.fire_schedule

    def fire_or_break(session: Any, schedule: Schedule, moment: datetime) -> None:
        real(session, schedule, moment)
        if schedule.id == broken.id:
            raise LookupError("a bug")

    monkeypatch.setattr(schedules, "fire_schedule", fire_or_break)
    await ScheduleLoop(context(database, tmp_path, ScriptedRunner())).turn()
    with database.read() as session:
        assert get_schedule(session, id).last_due is not None
        paused = get_schedule(session, broken.id)
        assert (paused.paused, paused.last_due) == (True, None)
        assert (
            paused.paused_reason == "Paused by Noteyard: it could not be fired (LookupError); the log has the details."
        )
    assert {run.schedule for run in runs(database)} == {id}


async def test_a_crash_at_any_statement_loses_and_doubles_nothing(database: Database, tmp_path: Path) -> None:
    id = make(database, cron="* * * * *", overlap=OverlapPolicy.ALLOW)
    loop = ScheduleLoop(context(database, tmp_path, ScriptedRunner()))
    minute = now().replace(second=0, microsecond=0)
    step, crashed = 0, True
    while crashed:
        step += 1
        with database.write() as session:
            session.execute(delete(ScheduleFire))
            session.execute(delete(Run))
            get_schedule(session, id).next_due = minute
        with dying_at(database, step):
            try:
                await loop.turn()
                crashed = False
            except ConnectionError:
                crashed = True
        await loop.turn()
        with database.read() as session:
            assert session.get_one(ScheduleFire, (id, minute)).state is FireState.FIRED
        assert [run.due for run in runs(database)].count(minute) == 1
    assert step > 6


@contextmanager
def dying_at(database: Database, step: int) -> Iterator[None]:
    """The process dies at the `step`th statement that it sends to the database."""
    seen = 0

    def die(*_: Any) -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            raise ConnectionError("killed")

    event.listen(database.engine, "before_cursor_execute", die)
    try:
        yield
    finally:
        event.remove(database.engine, "before_cursor_execute", die)
