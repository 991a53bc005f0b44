"""Queries and changes of schedules and fires, and of shares."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import and_, delete, or_, select
from sqlalchemy.orm import Session

from noteyard.domain import FireState, Person, Role, Sharing
from noteyard.errors import NotFound
from noteyard.store.tables import Schedule, ScheduleFire, Share


def get_schedule(session: Session, id: str) -> Schedule:
    """The schedule (deleted ones too: their history is kept), or NotFound."""
    schedule = session.get(Schedule, id)
    if schedule is None:
        raise _unknown(id)
    return schedule


def locked_schedule(session: Session, id: str) -> Schedule:
    """The schedule, locked for the rest of the transaction."""
    # What the session read before the lock may be old by now.
    query = select(Schedule).where(Schedule.id == id).with_for_update().execution_options(populate_existing=True)
    schedule = session.scalar(query)
    if schedule is None:
        raise _unknown(id)
    return schedule


def _unknown(id: str) -> NotFound:
    return NotFound(f"There is no schedule {id!r}.", "See your schedules with `yard schedule list`.")


def due_schedules(session: Session, moment: datetime, limit: int = 200) -> list[str]:
    """Ids of schedules whose next due time has come, the longest overdue first."""
    query = (
        select(Schedule.id)
        .where(Schedule.next_due <= moment, Schedule.paused.is_(False), Schedule.deleted.is_(None))
        .order_by(Schedule.next_due)
        .limit(limit)
    )
    return list(session.scalars(query))


def list_schedules(
    session: Session, person: Person | None, cursor: str | None = None, limit: int = 50
) -> list[Schedule]:
    """Schedules that are not deleted, by name: all (person None), or those a person owns or shares in."""
    query = select(Schedule).where(Schedule.deleted.is_(None)).order_by(Schedule.name, Schedule.id).limit(limit + 1)
    if person is not None:
        query = query.where(
            or_(Schedule.owner == person.name, Schedule.id.in_(shared_things(session, "schedule", person)))
        )
    last = session.get(Schedule, cursor) if cursor else None
    if last is not None:
        query = query.where(or_(Schedule.name > last.name, and_(Schedule.name == last.name, Schedule.id > last.id)))
    return list(session.scalars(query))


def fires_of(session: Session, schedule: str, before: datetime | None = None, limit: int = 50) -> list[ScheduleFire]:
    """Fires of a schedule, newest due time first; one more than `limit` when there is a next page."""
    query = select(ScheduleFire).where(ScheduleFire.schedule == schedule)
    if before is not None:
        query = query.where(ScheduleFire.due < before)
    return list(session.scalars(query.order_by(ScheduleFire.due.desc()).limit(limit + 1)))


def record_fire(
    session: Session,
    schedule: str,
    due: datetime,
    state: FireState,
    *,
    run: str | None = None,
    reason: str | None = None,
) -> bool:
    """Record what becomes of a due time; False when it is recorded already, and then nothing is changed."""
    if session.get(ScheduleFire, (schedule, due)) is not None:
        return False
    session.add(ScheduleFire(schedule=schedule, due=due, state=state, run=run, reason=reason))
    session.flush()
    return True


def shares_of(session: Session, kind: str, thing: str) -> list[Sharing]:
    return shares_by_thing(session, kind, [thing])[thing]


def shares_by_thing(session: Session, kind: str, things: Collection[str]) -> dict[str, list[Sharing]]:
    """Shares of several things of a kind, in one query."""
    found: dict[str, list[Sharing]] = {thing: [] for thing in things}
    for row in session.scalars(select(Share).where(Share.kind == kind, Share.thing.in_(things))):
        found[row.thing].append(Sharing(row.subject_kind, row.subject, Role(row.role)))
    return found


def set_shares(session: Session, kind: str, thing: str, shares: Iterable[Sharing]) -> None:
    """Replace a thing's shares."""
    session.execute(delete(Share).where(Share.kind == kind, Share.thing == thing))
    strongest = {(s.subject_kind, s.subject): s for s in sorted(shares, key=lambda s: s.role is Role.MANAGER)}
    for share in strongest.values():
        session.add(
            Share(kind=kind, thing=thing, subject_kind=share.subject_kind, subject=share.subject, role=share.role)
        )


def shared_things(session: Session, kind: str, person: Person) -> list[str]:
    """Ids of things of a kind that are shared with a person."""
    query = (
        select(Share.thing)
        .where(Share.kind == kind)
        .where(
            or_(
                and_(Share.subject_kind == "person", Share.subject == person.name),
                and_(Share.subject_kind == "group", Share.subject.in_(person.groups)),
            )
        )
    )
    return list(session.scalars(query))
