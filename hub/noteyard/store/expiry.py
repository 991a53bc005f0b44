"""What is old enough to go: queries and deletions of the retention loop. Every one of them may be repeated."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Delete, delete, func, or_, select, update
from sqlalchemy.orm import Session

from noteyard.domain import FINAL
from noteyard.store.tables import Attempt, LogChunk, Release, Run, ScheduleFire
from noteyard.store.types import now
from noteyard.store.workload_tables import BrowserSession, Dashboard, Ticket, WorkloadProcess


def runs_to_expire(session: Session, before: datetime, keep_count: int, limit: int) -> list[str]:
    """Runs whose outputs are kept no longer: ended before an instant, or beyond a person's newest `keep_count`."""
    place = func.row_number().over(partition_by=Run.owner, order_by=(Run.ended.desc(), Run.id.desc()))
    ended = (
        select(Run.id, Run.ended, place.label("place"))
        .where(Run.state.in_(FINAL), Run.expired.is_(None), Run.ended.is_not(None))
        .subquery()
    )
    over = or_(ended.c.ended < before, ended.c.place > keep_count)
    return list(session.scalars(select(ended.c.id).where(over).order_by(ended.c.ended).limit(limit)))


def mark_expired(session: Session, runs: Sequence[str]) -> None:
    """Note that the outputs are gone, and delete the logs. The runs themselves stay."""
    session.execute(delete(LogChunk).where(LogChunk.run.in_(runs)))
    session.execute(update(Attempt).where(Attempt.run.in_(runs)).values(outputs=[]))
    session.execute(update(Run).where(Run.id.in_(runs)).values(expired=now()))


def forget_fires(session: Session, before: datetime) -> int:
    """Delete the record of due times before an instant; returns how many."""
    return _deleted(session, delete(ScheduleFire).where(ScheduleFire.due < before))


def forget_logins(session: Session, moment: datetime) -> int:
    """Delete browser sessions and tickets that have expired; returns how many."""
    sessions = _deleted(session, delete(BrowserSession).where(BrowserSession.expires < moment))
    return sessions + _deleted(session, delete(Ticket).where(Ticket.expires < moment))


def forget_processes(session: Session, before: datetime) -> int:
    """Delete rows and logs of dashboards' processes that ended before an instant; returns how many."""
    return _deleted(session, delete(WorkloadProcess).where(WorkloadProcess.ended < before))


def deleted_dashboards(session: Session, before: datetime) -> set[str]:
    """Ids of dashboards that were deleted before an instant."""
    return set(session.scalars(select(Dashboard.id).where(Dashboard.deleted < before)))


def referenced_blobs(session: Session) -> set[str]:
    """Digests of the files of all releases."""
    found: set[str] = set()
    for files in session.scalars(select(Release.files).execution_options(yield_per=500)):
        found.update(file["sha256"] for file in files)
    return found


def _deleted(session: Session, statement: Delete) -> int:
    return int(session.execute(statement).rowcount)  # type: ignore[attr-defined]
