"""Queries and changes of dashboards and their versions."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, defer

from noteyard.domain import LIVE_WORKLOAD, Audience, Person, Role, VersionState
from noteyard.errors import Conflict, FieldError, InvalidParameters, NotFound
from noteyard.names import is_slug, new_id
from noteyard.store.tables import Release, Share
from noteyard.store.types import now
from noteyard.store.workload_tables import Dashboard, DashboardVersion, S3Key, WorkloadProcess

SLUG_RULE = "a link has 1 to 63 characters: a-z, 0-9 and hyphens inside; some words are reserved"


@dataclass(frozen=True)
class NewDashboard:
    """What a dashboard is published with."""

    slug: str
    title: str
    audience: Audience
    description: str = ""
    reads_viewer: bool = False
    parameters: dict[str, Any] = field(default_factory=dict)


def publish(session: Session, new: NewDashboard, release: Release, owner: str) -> Dashboard:
    """A new dashboard with its first version, which the controller renders."""
    if not is_slug(new.slug):
        raise InvalidParameters([FieldError("slug", f"{new.slug!r} can't be a link: {SLUG_RULE}")])
    dashboard = Dashboard(
        id=new_id("d"),
        slug=new.slug,
        title=new.title,
        description=new.description,
        owner=owner,
        publisher=owner,
        audience=new.audience,
        reads_viewer=new.reads_viewer,
        parameters=new.parameters,
        starts=0,
        failures=0,
        awake=True,
        last_visit=now(),
    )
    session.add(dashboard)
    try:
        session.flush()
    except IntegrityError:
        raise Conflict(f"The link {new.slug!r} is taken.", "Choose another one.") from None
    add_version(session, dashboard, release, owner, new.parameters)
    return dashboard


def add_version(
    session: Session, dashboard: Dashboard, release: Release, by: str, parameters: dict[str, Any]
) -> DashboardVersion:
    """A further version; it becomes current, and its parameters the dashboard's, when it has rendered.

    Only the newest is rendered: one that has not rendered yet fails for good.
    """
    last = session.scalar(select(func.max(DashboardVersion.number)).where(DashboardVersion.dashboard == dashboard.id))
    number = (last or 0) + 1
    message = f"Version {number} was published before this one had rendered."
    overtaken = {"cell": None, "name": "Overtaken", "message": message, "traceback": "", "hint": None}
    session.execute(
        update(DashboardVersion)
        .where(DashboardVersion.dashboard == dashboard.id, DashboardVersion.state == VersionState.RENDERING)
        .values(state=VersionState.FAILED, error=overtaken)
    )
    version = DashboardVersion(
        dashboard=dashboard.id,
        number=number,
        release=release.id,
        parameters=parameters,
        state=VersionState.RENDERING,
        published_by=by,
        has_card=False,
    )
    session.add(version)
    dashboard.failures = 0
    dashboard.not_before = None
    session.flush()
    return version


def show_version(dashboard: Dashboard, version: DashboardVersion, by: str) -> None:
    """Have a version shown that has rendered; `by` is who wants it shown, in whose name its processes get the data."""
    dashboard.current = version.number
    dashboard.parameters = version.parameters
    dashboard.publisher = by


def hand_over(session: Session, dashboard: Dashboard, owner: str) -> None:
    """Give it to somebody else, in whose name it then gets the data, and what has still to render too."""
    dashboard.owner = dashboard.publisher = owner
    for version in versions_of(session, dashboard.id):
        if version.state == VersionState.RENDERING:
            version.published_by = owner


def publisher_of(dashboard: Dashboard, version: DashboardVersion) -> str:
    """In whose name a version's processes get the data: who published it, and once it is shown who had it shown."""
    return version.published_by if version.state == VersionState.RENDERING else dashboard.publisher


def get_dashboard(session: Session, slug: str) -> Dashboard:
    """The dashboard by its link or id, or NotFound."""
    found = session.scalar(
        select(Dashboard).where(or_(Dashboard.slug == slug, Dashboard.id == slug), Dashboard.deleted.is_(None))
    )
    if found is None:
        raise NotFound(f"There is no dashboard {slug!r}.", "See the gallery in the portal for those you may open.")
    return found


def lock_dashboard(session: Session, slug: str) -> None:
    """Let nobody else change it until the transaction ends: what is read of it from now on stays true as long."""
    query = select(Dashboard.id).where(or_(Dashboard.slug == slug, Dashboard.id == slug), Dashboard.deleted.is_(None))
    session.scalar(query.with_for_update())


def versions_of(session: Session, dashboard: str) -> list[DashboardVersion]:
    """Versions, newest first."""
    query = select(DashboardVersion).where(DashboardVersion.dashboard == dashboard)
    return list(session.scalars(query.order_by(DashboardVersion.number.desc())))


def versions_by_dashboard(session: Session, dashboards: Collection[str]) -> dict[str, list[DashboardVersion]]:
    """Versions of several dashboards, newest first, in one query; their logs are read when asked for."""
    found: dict[str, list[DashboardVersion]] = {dashboard: [] for dashboard in dashboards}
    query = select(DashboardVersion).where(DashboardVersion.dashboard.in_(dashboards))
    query = query.order_by(DashboardVersion.number.desc()).options(defer(DashboardVersion.log))
    for version in session.scalars(query):
        found[version.dashboard].append(version)
    return found


def get_version(session: Session, dashboard: str, number: int) -> DashboardVersion:
    version = session.get(DashboardVersion, (dashboard, number))
    if version is None:
        raise NotFound(f"This dashboard has no version {number}.")
    return version


def pending_version(session: Session, dashboard: str) -> DashboardVersion | None:
    """The newest version, when it has still to render."""
    newest = versions_of(session, dashboard)[:1]
    return newest[0] if newest and newest[0].state == VersionState.RENDERING else None


def live_processes(session: Session, dashboard: str | None = None) -> list[WorkloadProcess]:
    """Processes that are up or coming up, newest first."""
    query = select(WorkloadProcess).where(WorkloadProcess.state.in_(LIVE_WORKLOAD))
    if dashboard is not None:
        query = query.where(WorkloadProcess.dashboard == dashboard)
    return list(session.scalars(query.order_by(WorkloadProcess.created.desc())))


def newest_log(session: Session, dashboard: str) -> str | None:
    """The log of the newest process that has written one, be it over or not; None when none is kept."""
    wrote = WorkloadProcess.dashboard == dashboard, WorkloadProcess.log != ""
    newest = WorkloadProcess.created.desc()
    return session.scalar(select(WorkloadProcess.log).where(*wrote).order_by(newest).limit(1))


def processes_by_dashboard(session: Session, dashboards: Collection[str]) -> dict[str, list[WorkloadProcess]]:
    """Processes of several dashboards that are up or coming up, in one query; their logs are read when asked for."""
    found: dict[str, list[WorkloadProcess]] = {dashboard: [] for dashboard in dashboards}
    query = select(WorkloadProcess).where(WorkloadProcess.state.in_(LIVE_WORKLOAD))
    query = query.where(WorkloadProcess.dashboard.in_(dashboards)).options(defer(WorkloadProcess.log))
    for process in session.scalars(query):
        found[process.dashboard].append(process)
    return found


def stop_processes_of(session: Session, publisher: str) -> None:
    """Have every process end that runs for somebody or has a key of theirs; those that are wanted are started anew."""
    # A dashboard whose publisher is another by now may still have a process that was started for the one before.
    keyed = select(S3Key.subject).where(S3Key.kind == "dashboard", S3Key.person == publisher)
    published = select(Dashboard.id).where(Dashboard.publisher == publisher)
    rendering = select(DashboardVersion.number).where(
        DashboardVersion.dashboard == WorkloadProcess.dashboard,
        DashboardVersion.number == WorkloadProcess.version,
        DashboardVersion.state == VersionState.RENDERING,
        DashboardVersion.published_by == publisher,
    )
    theirs = or_(WorkloadProcess.id.in_(keyed), WorkloadProcess.dashboard.in_(published), rendering.exists())
    session.execute(update(WorkloadProcess).where(WorkloadProcess.state.in_(LIVE_WORKLOAD), theirs).values(stop=True))


def forget_failures_of(session: Session, publisher: str) -> None:
    """Let somebody's dashboards start at once when they are wanted, however often they failed."""
    session.execute(update(Dashboard).where(Dashboard.publisher == publisher).values(failures=0, not_before=None))


def restless_dashboards(session: Session) -> list[Dashboard]:
    """Dashboards for which something may be to do: awake, with a version to render, or with a process."""
    rendering = select(DashboardVersion.dashboard).where(DashboardVersion.state == VersionState.RENDERING)
    running = select(WorkloadProcess.dashboard).where(WorkloadProcess.state.in_(LIVE_WORKLOAD))
    waiting = and_(Dashboard.deleted.is_(None), or_(Dashboard.awake.is_(True), Dashboard.id.in_(rendering)))
    return list(session.scalars(select(Dashboard).where(or_(waiting, Dashboard.id.in_(running)))))


def list_dashboards(session: Session, person: Person | None, cursor: str | None, limit: int) -> list[Dashboard]:
    """Dashboards by title that may be opened by a person (None: all there are); one more than `limit` when more."""
    query = (
        select(Dashboard).where(Dashboard.deleted.is_(None)).order_by(Dashboard.title, Dashboard.id).limit(limit + 1)
    )
    if person is not None:
        query = query.where(_may_open(person))
    last = session.get(Dashboard, cursor) if cursor else None
    if last is not None:
        query = query.where(
            or_(Dashboard.title > last.title, and_(Dashboard.title == last.title, Dashboard.id > last.id))
        )
    return list(session.scalars(query))


def _may_open(person: Person) -> ColumnElement[bool]:
    # As access.may_open decides about one dashboard, but for what administrators may beyond their own.
    to_person = and_(Share.subject_kind == "person", Share.subject == person.name)
    to_group = and_(Share.subject_kind == "group", Share.subject.in_(person.groups))
    counts = or_(
        and_(Share.role == Role.MANAGER, or_(to_person, to_group)),
        and_(Dashboard.audience.in_([Audience.PEOPLE, Audience.GROUPS]), to_person),
        and_(Dashboard.audience == Audience.GROUPS, to_group),
    )
    shared = select(Share.thing).where(Share.kind == "dashboard", Share.thing == Dashboard.id, counts)
    return or_(
        Dashboard.owner == person.name,
        Dashboard.audience.in_([Audience.USERS, Audience.PUBLIC]),
        shared.correlate(Dashboard).exists(),
    )


def remove(dashboard: Dashboard) -> None:
    """Take a dashboard down; its link becomes free, its history stays."""
    dashboard.deleted = now()
    dashboard.awake = False
    dashboard.slug = f"{dashboard.slug[:40]}.{dashboard.id}"[:63]


def wake(dashboard: Dashboard) -> None:
    """Want a process for it; a visit."""
    dashboard.last_visit = now()
    dashboard.awake = True
