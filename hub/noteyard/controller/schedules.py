"""The loop of schedules: every due time becomes exactly one fire, whatever crashes.

A fire is a row with primary key (schedule, due time), inserted in one transaction with its run and the schedule's
next due time.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

import structlog
from prometheus_client import Counter
from sqlalchemy.orm import Session

from noteyard.controller.context import Context
from noteyard.domain import CatchUpPolicy, FireState, OverlapPolicy
from noteyard.errors import NoteyardError
from noteyard.names import new_id
from noteyard.run_parameters import rendered_parameters
from noteyard.schedule_changes import new_run, pause
from noteyard.schedules import ON_TIME, CronRule, Missed, OverlapDecision, decide_overlap, plan_catch_up
from noteyard.store.alerts import alert_missed
from noteyard.store.runs import active_runs_of_schedule, create_run
from noteyard.store.schedules import due_schedules, locked_schedule, record_fire
from noteyard.store.tables import Release, Run, Schedule
from noteyard.store.types import now

log = structlog.get_logger(__name__)

FIRES = Counter("noteyard_fires_total", "Due times by what became of them.", ["state"])
BATCH = 50
LONGEST_WRITE = 0.5
"""Seconds after which a transaction takes no further schedule."""


@dataclass
class ScheduleLoop:
    """One turn fires everything that is due."""

    context: Context

    async def turn(self) -> None:
        while await asyncio.to_thread(self._fire_some):
            continue

    def _fire_some(self) -> bool:
        moment = now()
        with self.context.database.read() as session:
            due = due_schedules(session, moment, BATCH)
        if not due:
            return False
        waiting = deque(due)
        while waiting:
            self._fire_for_a_while(waiting, moment)
        return len(due) == BATCH

    def _fire_for_a_while(self, waiting: deque[str], moment: datetime) -> None:
        # After a long outage a schedule has hundreds of due times: others are to write in between.
        until = monotonic() + LONGEST_WRITE
        with self.context.write() as session:
            while True:
                schedule = locked_schedule(session, waiting.popleft())
                if schedule.next_due is not None and schedule.next_due <= moment and not schedule.paused:
                    _fire_or_pause(session, schedule, moment)
                if not waiting or monotonic() > until:
                    return


def _fire_or_pause(session: Session, schedule: Schedule, moment: datetime) -> None:
    # A rule that was good when saved can stop being so, when the time zone database drops its zone for instance.
    # It must not hold up the other schedules of the batch, nor undo their fires.
    id, reason = schedule.id, None
    try:
        with session.begin_nested():
            fire_schedule(session, schedule, moment)
    except NoteyardError as error:
        reason = error.message
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        log.exception("schedule could not be fired", schedule=id)
        reason = f"it could not be fired ({type(error).__name__}); the log has the details."
    if reason is not None:
        log.warning("schedule paused", schedule=id, reason=reason)
        schedule = locked_schedule(session, id)
        due = schedule.next_due
        pause(schedule, f"Paused by Noteyard: {reason}")
        if due is not None and record_fire(session, id, due, FireState.MISSED, reason=schedule.paused_reason):
            FIRES.labels(FireState.MISSED).inc()
            alert_missed(session, schedule, [due], f"The schedule is paused: {reason}")


def fire_schedule(session: Session, schedule: Schedule, moment: datetime) -> None:
    """Turn the due times up to `moment` into fires and set the next due time. Part of one transaction."""
    rule = CronRule.parse(schedule.cron, schedule.timezone)
    assert schedule.next_due is not None
    before = schedule.next_due - timedelta(microseconds=1)
    window = timedelta(seconds=schedule.catch_up_window)
    plan = plan_catch_up(rule, before, moment, CatchUpPolicy(schedule.catch_up), window)
    for missed in plan.missed:
        _record_missed(session, schedule, missed)
    if plan.missed:
        alert_missed(session, schedule, [missed.due for missed in plan.missed], plan.missed[-1].reason)
    for due in plan.fires:
        _fire(session, schedule, due, _overlap(schedule, moment - due))
        schedule.last_due = due
    schedule.next_due = plan.next_due


def _record_missed(session: Session, schedule: Schedule, missed: Missed) -> None:
    if record_fire(session, schedule.id, missed.due, FireState.MISSED, reason=missed.reason):
        FIRES.labels(FireState.MISSED).inc()


def _overlap(schedule: Schedule, late: timedelta) -> OverlapPolicy:
    # All missed times are to be made up for: one after another then, since the first would have the others skipped.
    policy = OverlapPolicy(schedule.overlap)
    made_up = schedule.catch_up == CatchUpPolicy.ALL and late > ON_TIME
    return OverlapPolicy.QUEUE if made_up and policy is OverlapPolicy.SKIP else policy


def _fire(session: Session, schedule: Schedule, due: datetime, overlap: OverlapPolicy) -> None:
    running = active_runs_of_schedule(session, schedule.id)
    if decide_overlap(overlap, running) is OverlapDecision.SKIP:
        reason = "The run before was still going on, and the overlap rule is to skip."
        if record_fire(session, schedule.id, due, FireState.SKIPPED, reason=reason):
            FIRES.labels(FireState.SKIPPED).inc()
        return
    release = session.get_one(Release, schedule.release)
    request = new_id("q")
    run = create_run(session, new_run(schedule, release, due, request))
    problem = _refused(run, release, schedule)
    if problem is not None:
        session.delete(run)
        if record_fire(session, schedule.id, due, FireState.MISSED, reason=problem):
            alert_missed(session, schedule, [due], problem)
        return
    if not record_fire(session, schedule.id, due, FireState.FIRED, run=run.id):
        session.delete(run)
        return
    FIRES.labels(FireState.FIRED).inc()
    log.info("fired", schedule=schedule.id, due=due.isoformat(), run=run.id, request_id=request)


def _refused(run: Run, release: Release, schedule: Schedule) -> str | None:
    try:
        rendered_parameters(run, 1, release.schema, schedule)
    except NoteyardError as error:
        return f"The parameters could not be filled in: {error.message}"
    return None
