"""Queries and changes of runs. Every change of state goes through `move`, which refuses illegal ones."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from noteyard.domain import ACTIVE, FINAL, NEXT_RUN_STATES, OverlapPolicy, RunState, Target
from noteyard.errors import NotFound
from noteyard.names import new_id
from noteyard.store.tables import Release, Run, Schedule
from noteyard.store.types import now


@dataclass(frozen=True)
class NewRun:
    """What a run is made of. `timeout` in seconds; `due`, `previous_due` and `timezone` only for a schedule's fire."""

    release: Release
    owner: str
    parameters: dict[str, Any]
    timeout: int | None = None
    retries: int = 0
    schedule: str | None = None
    due: datetime | None = None
    previous_due: datetime | None = None
    timezone: str | None = None
    rerun_of: str | None = None
    request_id: str = ""


def create_run(session: Session, new: NewRun) -> Run:
    """Queue a run."""
    run = Run(
        id=new_id("r"),
        release=new.release.id,
        notebook=new.release.notebook,
        owner=new.owner,
        state=RunState.QUEUED,
        target=Target.RUN,
        parameters=new.parameters,
        schedule=new.schedule,
        due=new.due,
        previous_due=new.previous_due,
        timezone=new.timezone,
        rerun_of=new.rerun_of,
        timeout=new.timeout,
        retries=new.retries,
        request_id=new.request_id,
    )
    session.add(run)
    session.flush()
    return run


def get_run(session: Session, id: str) -> Run:
    """The run, or NotFound."""
    run = session.get(Run, id)
    if run is None:
        raise NotFound(f"There is no run {id!r}.", "See your runs with `yard runs` or in the portal.")
    return run


def locked_run(session: Session, id: str) -> Run:
    """The run, locked for the rest of the transaction (SQLite's writers are alone anyway)."""
    # What the session read before the lock may be old by now.
    query = select(Run).where(Run.id == id).with_for_update().execution_options(populate_existing=True)
    run = session.scalar(query)
    if run is None:
        raise NotFound(f"There is no run {id!r}.")
    return run


def move(run: Run, state: RunState) -> None:
    """Change a run's state; ValueError when the domain does not allow the step."""
    if state not in NEXT_RUN_STATES[RunState(run.state)]:
        raise ValueError(f"run {run.id} can't go from {run.state} to {state}")
    run.state = state
    if state in FINAL:
        run.ended = now()
        run.cell = None
    elif state is RunState.QUEUED:
        run.cell = None
        run.cells_done = 0


def cancel_run(session: Session, id: str) -> Run:
    """Want the run cancelled: at once when no attempt is under way, else the controller stops it. Repeatable."""
    run = locked_run(session, id)
    if run.state in FINAL:
        return run
    run.target = Target.CANCEL
    if run.state in (RunState.QUEUED, RunState.INTERRUPTED):
        move(run, RunState.CANCELLED)
    return run


@dataclass(frozen=True)
class RunFilter:
    """Filters of a list of runs; empty ones do not filter. `cursor` is the last id of the page before."""

    visible_to: str | None = None  # person, beside `visible_schedules`; None: everybody's
    visible_schedules: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    owner: str | None = None
    schedule: str | None = None
    notebook: str | None = None
    release: str | None = None
    cursor: str | None = None
    limit: int = 50


def list_runs(session: Session, wanted: RunFilter) -> list[Run]:
    """Runs, newest first; one more than `limit` when there is a next page."""
    query = select(Run).order_by(Run.created.desc(), Run.id.desc()).limit(wanted.limit + 1)
    if wanted.visible_to is not None:
        # As `run_shares`: whoever was given a schedule shares no runs of who had it before.
        same_owner = select(Schedule.id).where(Schedule.id == Run.schedule, Schedule.owner == Run.owner).exists()
        shared = and_(Run.schedule.in_(wanted.visible_schedules), same_owner)
        query = query.where(or_(Run.owner == wanted.visible_to, shared))
    if wanted.state:
        query = query.where(Run.state.in_(wanted.state))
    for column, value in (
        (Run.owner, wanted.owner),
        (Run.schedule, wanted.schedule),
        (Run.notebook, wanted.notebook),
        (Run.release, wanted.release),
    ):
        if value is not None:
            query = query.where(column == value)
    return list(session.scalars(_after(session, query, wanted.cursor)))


def _after(session: Session, query: Select[Run], cursor: str | None) -> Select[Run]:
    last = session.get(Run, cursor) if cursor else None
    if last is None:
        return query
    return query.where(or_(Run.created < last.created, and_(Run.created == last.created, Run.id < last.id)))


def active_counts(session: Session) -> dict[str, int]:
    """Runs under way, by owner."""
    query = select(Run.owner, func.count()).where(Run.state.in_(ACTIVE)).group_by(Run.owner)
    return {row[0]: row[1] for row in session.execute(query)}


def waiting_runs(session: Session, moment: datetime, limit: int = 500) -> list[Run]:
    """Queued runs that may start by time and by their schedule's overlap rule: everybody's oldest first, then their
    second ones and so on, so that nobody's many runs fill the limit.
    """
    place = func.row_number().over(partition_by=Run.owner, order_by=(Run.not_before, Run.created))
    other = aliased(Run)
    # An older one that waits for its next attempt is not over: what came after it must not overtake it.
    begun = and_(other.state.in_((RunState.QUEUED, RunState.INTERRUPTED)), other.attempt > 0)
    older = or_(other.created < Run.created, and_(other.created == Run.created, other.id < Run.id))
    held = (
        select(other.id)
        .where(other.schedule == Run.schedule, other.id != Run.id)
        .where(or_(other.state.in_(ACTIVE), and_(begun, older)))
        .correlate(Run)
        .exists()
    )
    query = (
        select(Run)
        .outerjoin(Schedule, Schedule.id == Run.schedule)
        .where(Run.state == RunState.QUEUED, Run.not_before <= moment)
        .where(or_(Run.schedule.is_(None), Schedule.overlap == OverlapPolicy.ALLOW, ~held))
        .order_by(place, Run.not_before, Run.created)
        .limit(limit)
    )
    return list(session.scalars(query))


def fair_order(waiting: list[Run], active: dict[str, int], total: int, per_person: int) -> list[Run]:
    """Which waiting runs start now: at most `total` in all and `per_person` of one person.

    Whoever has the fewest under way comes first; among equals the run that waits longest.
    """
    counts = dict(active)
    free = total - sum(counts.values())
    chosen: list[Run] = []
    queued_schedules: set[str] = set()
    rest = list(waiting)
    while free > 0 and rest:
        rest = [run for run in rest if counts.get(run.owner, 0) < per_person and run.schedule not in queued_schedules]
        if not rest:
            break
        run = min(rest, key=lambda candidate: (counts.get(candidate.owner, 0), candidate.not_before))
        rest.remove(run)
        chosen.append(run)
        counts[run.owner] = counts.get(run.owner, 0) + 1
        free -= 1
        if run.schedule is not None:
            # The next turn looks again at the schedule's overlap rule, with this run under way.
            queued_schedules.add(run.schedule)
    return chosen


def active_runs_of_schedule(session: Session, schedule: str) -> int:
    """Runs of a schedule that are not over: queued, starting, running or interrupted."""
    query = select(func.count()).where(Run.schedule == schedule, Run.state.not_in(FINAL))
    return session.scalar(query) or 0
