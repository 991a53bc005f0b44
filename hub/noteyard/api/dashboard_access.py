"""Dashboards as a person may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from noteyard.access import Action, allowed, may_open
from noteyard.api.models import DashboardModel, Failure, ShareModel, VersionModel
from noteyard.domain import Audience, Person, Role, Sharing, VersionState, WorkloadState
from noteyard.errors import Forbidden, NotFound
from noteyard.settings import Settings
from noteyard.store.audit import record
from noteyard.store.dashboards import (
    get_dashboard,
    live_processes,
    processes_by_dashboard,
    versions_by_dashboard,
    versions_of,
)
from noteyard.store.schedules import shares_by_thing, shares_of
from noteyard.store.tables import AuditEntry
from noteyard.store.types import now
from noteyard.store.workload_tables import Dashboard, DashboardVersion, WorkloadProcess
from noteyard.urls import PublicUrls

ONE_LOOK = timedelta(seconds=60)
State = Literal["publishing", "failed", "asleep", "starting", "ready"]


def dashboard_for(session: Session, slug: str, person: Person, action: Action, settings: Settings) -> Dashboard:
    """The dashboard, if the person may do the action; NotFound when they may not even see it, else Forbidden."""
    dashboard = get_dashboard(session, slug)
    shares = shares_of(session, "dashboard", dashboard.id)
    # Viewers' shares count only for the audience they belong to: may_open knows which.
    managers = [share for share in shares if share.role is Role.MANAGER]
    if allowed(person, action, dashboard.owner, managers, admin_access=settings.admin_access):
        return dashboard
    opens = may_open(person, dashboard.owner, Audience(dashboard.audience), shares, admin_access=settings.admin_access)
    if opens and action in (Action.LIST, Action.READ):
        return dashboard
    if opens or allowed(person, Action.LIST, dashboard.owner, managers):
        raise Forbidden(
            f"You may see the dashboard {dashboard.slug!r}, but not {action} it.",
            f"Ask {dashboard.owner} to share it with you as manager.",
        )
    raise NotFound(f"There is no dashboard {slug!r}.", "See the gallery in the portal for those you may open.")


def looked_at_as_administrator(
    session: Session, dashboard: Dashboard, person: Person | None, what: str, request_id: str
) -> None:
    """Note in the audit list that a person sees a dashboard's contents only because `admin_access` lets them.

    `what` is "page" or "card". One look goes over several of our addresses, and is one entry.
    """
    shares = shares_of(session, "dashboard", dashboard.id)
    if person is None or may_open(person, dashboard.owner, Audience(dashboard.audience), shares):
        return
    detail = {"owner": dashboard.owner, "what": what}
    query = select(AuditEntry.detail).where(
        AuditEntry.who == person.name,
        AuditEntry.action == "dashboard.read",
        AuditEntry.thing == dashboard.slug,
        AuditEntry.at > now() - ONE_LOOK,
    )
    if detail not in session.scalars(query).all():
        record(session, person.name, "dashboard.read", dashboard.slug, detail, request_id)


def manages(session: Session, dashboard: Dashboard, person: Person) -> bool:
    """Whether the person may publish, edit and see what went wrong."""
    return allowed(person, Action.EDIT, dashboard.owner, shares_of(session, "dashboard", dashboard.id))


def dashboard_state(session: Session, dashboard: Dashboard) -> tuple[State, int]:
    """The state in a word, and the live sessions."""
    return _state(dashboard, live_processes(session, dashboard.id), versions_of(session, dashboard.id))


def _state(
    dashboard: Dashboard, processes: Sequence[WorkloadProcess], versions: Sequence[DashboardVersion]
) -> tuple[State, int]:
    sessions = sum(process.sessions for process in processes)
    if any(p.version == dashboard.current and p.state == WorkloadState.READY for p in processes):
        return "ready", sessions
    if dashboard.current is None:
        failed = bool(versions) and versions[0].state == VersionState.FAILED
        return ("failed" if failed else "publishing"), sessions
    if dashboard.failures:
        return "failed", sessions
    return ("starting" if dashboard.awake else "asleep"), sessions


def dashboard_model(session: Session, dashboard: Dashboard, person: Person, urls: PublicUrls) -> DashboardModel:
    """The dashboard as the API answers it to a person."""
    return dashboard_models(session, [dashboard], person, urls)[0]


def dashboard_models(
    session: Session, dashboards: Sequence[Dashboard], person: Person, urls: PublicUrls
) -> list[DashboardModel]:
    """Dashboards as the API answers them to a person, in their order; as many queries for a hundred as for one."""
    ids = [dashboard.id for dashboard in dashboards]
    shares = shares_by_thing(session, "dashboard", ids)
    versions = versions_by_dashboard(session, ids)
    processes = processes_by_dashboard(session, ids)
    return [
        _model(item, _Parts(shares[item.id], versions[item.id], processes[item.id]), person, urls)
        for item in dashboards
    ]


@dataclass(frozen=True)
class _Parts:
    shares: list[Sharing]
    versions: list[DashboardVersion]  # newest first
    processes: list[WorkloadProcess]


def _model(dashboard: Dashboard, parts: _Parts, person: Person, urls: PublicUrls) -> DashboardModel:
    may_manage = allowed(person, Action.EDIT, dashboard.owner, parts.shares)
    may_see = may_manage or person.admin
    versions = parts.versions
    current = next((v for v in versions if v.number == dashboard.current), None)
    state, sessions = _state(dashboard, parts.processes, versions)
    shares = parts.shares if may_see else []
    card = f"{urls.hub}/api/v1/dashboards/{dashboard.slug}/card.png"
    return DashboardModel(
        id=dashboard.id,
        slug=dashboard.slug,
        title=dashboard.title,
        description=dashboard.description,
        owner=dashboard.owner,
        audience=Audience(dashboard.audience),
        shares=[ShareModel(kind=s.subject_kind, name=s.subject, role=s.role) for s in shares],
        reads_viewer=dashboard.reads_viewer,
        parameters=dashboard.parameters,
        current=dashboard.current,
        state=state,
        sessions=sessions,
        rendered=current.rendered if current else None,
        card_url=card if current is not None and current.has_card else None,
        versions=[_version(version, may_see) for version in versions],
        may_manage=may_manage,
        created=dashboard.created,
        url=urls.dashboard(dashboard.slug),
    )


def _version(version: DashboardVersion, may_see: bool) -> VersionModel:
    return VersionModel(
        number=version.number,
        release=version.release,
        state=VersionState(version.state),
        published_by=version.published_by,
        created=version.created,
        rendered=version.rendered,
        error=Failure(**version.error) if version.error and may_see else None,
    )
