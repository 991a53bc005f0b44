"""What a removed person leaves behind, and its deletion. Desired state first: `purged` is set, and the controller acts.

What was transferred belongs to somebody else and stays, a transferred schedule with all its runs; so does the audit
list. Releases go when nothing that stays was made from them. Every deletion may be repeated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, or_, select, update
from sqlalchemy.orm import Session

from noteyard.domain import FINAL, LIVE_WORKLOAD
from noteyard.errors import Conflict, NotFound
from noteyard.store.audit import record
from noteyard.store.dashboards import remove
from noteyard.store.runs import cancel_run
from noteyard.store.s3_keys import revoke_all_of
from noteyard.store.sessions import end_sessions_of
from noteyard.store.tables import (
    Account,
    Attempt,
    LogChunk,
    LoginFailure,
    Message,
    Release,
    ReleaseOwner,
    Run,
    Schedule,
    ScheduleFire,
    Share,
)
from noteyard.store.types import now
from noteyard.store.workload_tables import BrowserSession, Dashboard, DashboardVersion, Ticket, WorkloadProcess


@dataclass(frozen=True)
class Holdings:
    """How much in the database and among the outputs a purge deletes; `output_bytes` of runs' stored outputs."""

    runs: int
    output_bytes: int
    schedules: int
    dashboards: int
    releases: int


def removed_account(session: Session, name: str) -> Account:
    """The row of somebody who was removed. Raises NotFound, and Conflict for somebody who was not."""
    account = session.get(Account, name)
    if account is None:
        raise NotFound(f"There is no person named {name!r}.", "See them all with `noteyard user list --removed`.")
    if account.removed is None:
        raise Conflict(
            f"{name!r} has not been removed; only what removed people left behind can be purged.",
            "Transfer what others need, remove them, then purge their data.",
        )
    return account


def holdings_of(session: Session, person: str) -> Holdings:
    """What a purge would delete now."""
    listed = session.scalars(
        select(Attempt.outputs).where(Attempt.run.in_(_runs(person))).execution_options(yield_per=500)
    )
    return Holdings(
        runs=_count(session, _runs(person)),
        output_bytes=sum(output["size"] for outputs in listed for output in outputs),
        schedules=_count(session, _schedules(person).where(Schedule.deleted.is_(None))),
        dashboards=_count(session, _dashboards(person).where(Dashboard.deleted.is_(None))),
        releases=_count(session, _releases(person)),
    )


def want_purge(session: Session, name: str, found: dict[str, Any], *, by: str = "", request_id: str = "") -> None:
    """Want a removed person's data deleted; `found` is what goes, for the audit list. May be asked for again."""
    account = removed_account(session, name)
    account.purged = now()
    account.hub_cleared = False
    record(session, by, "person.purge", name, found, request_id)


def wanted_purges(session: Session) -> list[tuple[str, datetime]]:
    """Whose data is to be deleted and is not yet, and since when that is wanted."""
    query = select(Account.name, Account.purged).where(Account.purged.is_not(None), Account.hub_cleared.is_(False))
    return [(name, wanted) for name, wanted in session.execute(query) if wanted is not None]


def stop_all_of(session: Session, person: str) -> set[str]:
    """End what still goes on; the ids of runs and dashboards to be waited for."""
    for run in list(session.scalars(_runs(person).where(Run.state.not_in(FINAL)))):
        cancel_run(session, run)
    for dashboard in session.scalars(select(Dashboard).where(Dashboard.owner == person, Dashboard.deleted.is_(None))):
        remove(dashboard)
    session.flush()
    live = select(WorkloadProcess.dashboard).where(
        WorkloadProcess.dashboard.in_(_dashboards(person)), WorkloadProcess.state.in_(LIVE_WORKLOAD)
    )
    return {*session.scalars(_runs(person).where(Run.state.not_in(FINAL))), *session.scalars(live)}


def runs_to_purge(session: Session, person: str, limit: int | None = None) -> list[str]:
    return list(session.scalars(_runs(person).limit(limit)))


def dashboards_to_purge(session: Session, person: str) -> list[str]:
    return list(session.scalars(_dashboards(person)))


def delete_runs(session: Session, runs: Sequence[str]) -> None:
    """Delete runs with attempts and logs; their outputs are gone already."""
    session.execute(update(Run).where(Run.rerun_of.in_(runs)).values(rerun_of=None))
    session.execute(delete(LogChunk).where(LogChunk.run.in_(runs)))
    session.execute(delete(Attempt).where(Attempt.run.in_(runs)))
    session.execute(delete(Run).where(Run.id.in_(runs)))


def delete_dashboards(session: Session, dashboards: Sequence[str]) -> None:
    """Delete dashboards with all that belongs to them; their renderings are gone already."""
    for table, column in (
        (BrowserSession, BrowserSession.dashboard),
        (Ticket, Ticket.dashboard),
        (WorkloadProcess, WorkloadProcess.dashboard),
        (DashboardVersion, DashboardVersion.dashboard),
    ):
        session.execute(delete(table).where(column.in_(dashboards)))
    session.execute(delete(Share).where(Share.kind == "dashboard", Share.thing.in_(dashboards)))
    session.execute(delete(Dashboard).where(Dashboard.id.in_(dashboards)))


def delete_rest(session: Session, person: str) -> None:
    """Delete schedules, releases, alerts, sessions, keys and what others shared with the person."""
    schedules = list(session.scalars(_schedules(person)))
    session.execute(delete(Message).where(Message.schedule.in_(schedules)))
    session.execute(delete(ScheduleFire).where(ScheduleFire.schedule.in_(schedules)))
    # Runs of somebody who had the schedule before are theirs, and stay.
    session.execute(update(Run).where(Run.schedule.in_(schedules)).values(schedule=None))
    session.execute(delete(Share).where(Share.kind == "schedule", Share.thing.in_(schedules)))
    session.execute(delete(Schedule).where(Schedule.id.in_(schedules)))
    # Locked, and then looked at again: somebody may just be taking up the same content.
    session.execute(select(Release.id).where(Release.id.in_(_releases(person))).with_for_update())
    releases = list(session.scalars(_releases(person)))
    session.execute(delete(Share).where(Share.kind == "release", Share.thing.in_(releases)))
    session.execute(delete(ReleaseOwner).where(ReleaseOwner.person == person))
    session.execute(delete(Release).where(Release.id.in_(releases)))
    session.execute(delete(Share).where(Share.subject_kind == "person", Share.subject == person))
    session.execute(delete(LoginFailure).where(LoginFailure.name == person))
    end_sessions_of(session, person)
    revoke_all_of(session, person)


def note_purged(session: Session, person: str, wanted: datetime) -> None:
    """All is gone that was wanted gone at an instant; when it was asked for again since, there is another round."""
    done = update(Account).where(Account.name == person, Account.purged == wanted).values(hub_cleared=True)
    session.execute(done)


def _runs(person: str) -> Select[str]:
    transferred = select(Schedule.id).where(Schedule.owner != person)
    return select(Run.id).where(Run.owner == person, or_(Run.schedule.is_(None), Run.schedule.not_in(transferred)))


def _schedules(person: str) -> Select[str]:
    return select(Schedule.id).where(Schedule.owner == person)


def _dashboards(person: str) -> Select[str]:
    return select(Dashboard.id).where(Dashboard.owner == person)


def _releases(person: str) -> Select[str]:
    """The person's releases that nothing uses but what a purge deletes too."""
    others = select(ReleaseOwner.release).where(ReleaseOwner.person != person)
    runs = select(Run.release).where(Run.id.not_in(_runs(person)))
    schedules = select(Schedule.release).where(Schedule.owner != person)
    versions = select(DashboardVersion.release).where(DashboardVersion.dashboard.not_in(_dashboards(person)))
    query = select(ReleaseOwner.release).where(ReleaseOwner.person == person)
    for used in (others, runs, schedules, versions):
        query = query.where(ReleaseOwner.release.not_in(used))
    return query


def _count(session: Session, ids: Select[str]) -> int:
    return session.scalar(select(func.count()).select_from(ids.subquery())) or 0
