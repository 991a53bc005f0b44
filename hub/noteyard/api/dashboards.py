"""Dashboards: publish, list, change, versions, roll back, take down."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse, StreamingResponse
from sqlalchemy.orm import Session

from noteyard.access import Action, may_administer
from noteyard.api.dashboard_access import (
    dashboard_for,
    dashboard_model,
    dashboard_models,
    looked_at_as_administrator,
    manages,
)
from noteyard.api.dependencies import Config, Db, RequestId, Store, Urls
from noteyard.api.identity import Asking
from noteyard.api.models import (
    DashboardChange,
    DashboardModel,
    DashboardRequest,
    Page,
    RollbackRequest,
    Shares,
    Transfer,
    VersionRequest,
)
from noteyard.api.problems import RESPONSES
from noteyard.api.releases import runnable_release
from noteyard.api.streams import answers, stored
from noteyard.domain import Person, Role, Sharing, VersionState
from noteyard.errors import Conflict, NotFound
from noteyard.objects import rendering_key
from noteyard.parameter_values import known_values
from noteyard.parameters import validate
from noteyard.settings import Settings
from noteyard.store.audit import record
from noteyard.store.dashboards import (
    NewDashboard,
    add_version,
    get_version,
    hand_over,
    list_dashboards,
    live_processes,
    lock_dashboard,
    newest_log,
    publish,
    remove,
    show_version,
    versions_of,
    wake,
)
from noteyard.store.people import get_active
from noteyard.store.schedules import set_shares, shares_of
from noteyard.store.workload_tables import Dashboard

router = APIRouter(prefix="/api/v1/dashboards", tags=["dashboards"], responses=RESPONSES)  # type: ignore[arg-type]


@router.post("", status_code=201)
def create(
    body: DashboardRequest, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId
) -> DashboardModel:
    """Publish a release behind a stable link. It is shown as soon as it has rendered."""
    with database.write() as session:
        release = runnable_release(session, body.release, asking, settings)
        validate(release.schema, body.parameters)
        new = NewDashboard(body.slug, body.title, body.audience, body.description, body.reads_viewer, body.parameters)
        dashboard = publish(session, new, release, asking.name)
        _set_audience(session, dashboard, body.people, body.groups)
        record(session, asking.name, "dashboard.publish", body.slug, {"release": release.id}, request_id)
        return dashboard_model(session, dashboard, asking, urls)


@router.get("")
def list_all(
    asking: Asking,
    database: Db,
    urls: Urls,
    every: Annotated[bool, Query(alias="all", description="Administrators: everybody's.")] = False,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[DashboardModel]:
    """Dashboards you may open, by title."""
    with database.read() as session:
        person = None if every and may_administer(asking) else asking
        found = list_dashboards(session, person, cursor, limit)
        items = dashboard_models(session, found[:limit], asking, urls)
    return Page(items=items, next=items[-1].id if len(found) > limit else None)


@router.get("/{slug}")
def show(slug: str, asking: Asking, database: Db, settings: Config, urls: Urls) -> DashboardModel:
    """One dashboard."""
    with database.read() as session:
        return dashboard_model(session, dashboard_for(session, slug, asking, Action.LIST, settings), asking, urls)


@router.patch("/{slug}")
def change(
    slug: str, body: DashboardChange, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId
) -> DashboardModel:
    """Change title, description or audience."""
    with database.write() as session:
        dashboard = _locked(session, slug, asking, Action.EDIT, settings)
        if body.reads_viewer not in (None, dashboard.reads_viewer):
            _restart(session, dashboard)
        for name in ("title", "description", "audience", "reads_viewer"):
            value = getattr(body, name)
            if value is not None:
                setattr(dashboard, name, value)
        if body.people is not None or body.groups is not None:
            _set_audience(session, dashboard, body.people, body.groups)
        record(session, asking.name, "dashboard.change", slug, {"fields": sorted(body.model_fields_set)}, request_id)
        return dashboard_model(session, dashboard, asking, urls)


@router.post("/{slug}/versions", status_code=201)
def add(
    slug: str, body: VersionRequest, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId
) -> DashboardModel:
    """Publish a newer release; it takes over when it has rendered, and never when it fails.

    Without `parameters` the present values go on, save those of parameters that the notebook no longer has.
    """
    with database.write() as session:
        dashboard = _locked(session, slug, asking, Action.EDIT, settings)
        release = runnable_release(session, body.release, asking, settings)
        kept = known_values(release.schema, dashboard.parameters)
        parameters = kept if body.parameters is None else body.parameters
        validate(release.schema, parameters)
        version = add_version(session, dashboard, release, asking.name, parameters)
        detail: dict[str, Any] = {"version": version.number}
        if body.parameters is None and (left_out := sorted(dashboard.parameters.keys() - kept)):
            detail["left_out"] = left_out
        record(session, asking.name, "dashboard.version", slug, detail, request_id)
        return dashboard_model(session, dashboard, asking, urls)


@router.post("/{slug}/rollback")
def rollback(
    slug: str, body: RollbackRequest, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId
) -> DashboardModel:
    """Show an earlier (or later) version that has rendered. It reads the team's data in your name from now on."""
    with database.write() as session:
        dashboard = _locked(session, slug, asking, Action.EDIT, settings)
        version = get_version(session, dashboard.id, body.version)
        if version.state != VersionState.GOOD:
            raise Conflict(f"Version {body.version} has not rendered; only one that did can be shown.")
        if dashboard.publisher != asking.name:
            _restart(session, dashboard, version.number)
        show_version(dashboard, version, asking.name)
        dashboard.failures, dashboard.not_before = 0, None
        record(session, asking.name, "dashboard.rollback", slug, {"version": version.number}, request_id)
        return dashboard_model(session, dashboard, asking, urls)


@router.post("/{slug}/sleep")
def sleep(
    slug: str, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId
) -> DashboardModel:
    """End its process now; the next visit wakes it."""
    with database.write() as session:
        dashboard = _locked(session, slug, asking, Action.STOP, settings)
        dashboard.awake = False
        record(session, asking.name, "dashboard.sleep", slug, {}, request_id)
        return dashboard_model(session, dashboard, asking, urls)


@router.post("/{slug}/wake")
def wake_up(slug: str, asking: Asking, database: Db, settings: Config, urls: Urls) -> DashboardModel:
    """Start its process before anybody visits, or try again after failures."""
    with database.write() as session:
        dashboard = _locked(session, slug, asking, Action.READ, settings)
        if manages(session, dashboard, asking):
            dashboard.failures, dashboard.not_before = 0, None
        wake(dashboard)
        return dashboard_model(session, dashboard, asking, urls)


@router.delete("/{slug}", status_code=204)
def delete(slug: str, asking: Asking, database: Db, settings: Config, request_id: RequestId) -> None:
    """Take the dashboard down; its link becomes free."""
    with database.write() as session:
        dashboard = _locked(session, slug, asking, Action.DELETE, settings)
        remove(dashboard)
        record(session, asking.name, "dashboard.delete", slug, {"title": dashboard.title}, request_id)


@router.get("/{slug}/log", response_class=PlainTextResponse)
def log(slug: str, asking: Asking, database: Db, settings: Config) -> str:
    """The log of the newest process that has one, for those who manage it; else that of a version that failed."""
    with database.read() as session:
        dashboard = dashboard_for(session, slug, asking, Action.STOP, settings)
        kept = newest_log(session, dashboard.id)
        return kept or next((v.log for v in versions_of(session, dashboard.id) if v.log), None) or ""


@router.get("/{slug}/card.png", response_class=StreamingResponse, responses=answers("image/png"))
async def card(
    slug: str, asking: Asking, database: Db, settings: Config, objects: Store, request_id: RequestId
) -> StreamingResponse:
    """The first image of the last rendering."""

    def found() -> str:
        with database.read() as session:
            dashboard = dashboard_for(session, slug, asking, Action.READ, settings)
        if dashboard.current is None:
            raise NotFound("It has not rendered yet.")
        if asking.admin:
            _note_card(database, dashboard, asking, request_id)
        return rendering_key(dashboard.id, dashboard.current, "card.png")

    return await stored(objects, await asyncio.to_thread(found), "image/png", {"Cache-Control": "private, max-age=60"})


@router.put("/{slug}/shares")
def share(
    slug: str, body: Shares, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId
) -> DashboardModel:
    """Replace the people and groups it is shared with, as viewers or managers."""
    with database.write() as session:
        dashboard = _locked(session, slug, asking, Action.EDIT, settings)
        set_shares(session, "dashboard", dashboard.id, [Sharing(s.kind, s.name, s.role) for s in body.shares])
        record(session, asking.name, "dashboard.share", slug, body.model_dump(mode="json"), request_id)
        return dashboard_model(session, dashboard, asking, urls)


@router.post("/{slug}/transfer")
def transfer(
    slug: str, body: Transfer, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId
) -> DashboardModel:
    """Give it to somebody else. It goes on under its own identity, which may never read more than its new owner may."""
    with database.write() as session:
        dashboard = _locked(session, slug, asking, Action.TRANSFER, settings)
        get_active(session, body.owner)
        before = dashboard.owner
        hand_over(session, dashboard, body.owner)
        _restart(session, dashboard)
        record(session, asking.name, "dashboard.transfer", slug, {"from": before, "to": body.owner}, request_id)
        return dashboard_model(session, dashboard, asking, urls)


def _note_card(database: Db, dashboard: Dashboard, asking: Asking, request_id: str) -> None:
    with database.write() as session:
        looked_at_as_administrator(session, dashboard, asking, "card", request_id)


def _locked(session: Session, slug: str, asking: Person, action: Action, settings: Settings) -> Dashboard:
    # The lock first: while it is waited for, another may take away what allows this.
    lock_dashboard(session, slug)
    return dashboard_for(session, slug, asking, action, settings)


def _restart(session: Session, dashboard: Dashboard, version: int | None = None) -> None:
    for process in live_processes(session, dashboard.id):
        if version in (None, process.version):
            process.stop = True


def _set_audience(session: Session, dashboard: Dashboard, people: list[str] | None, groups: list[str] | None) -> None:
    present = shares_of(session, "dashboard", dashboard.id)
    kept = [share for share in present if share.role is Role.MANAGER]
    for kind, names in (("person", people), ("group", groups)):
        if names is None:
            kept += [share for share in present if share.role is Role.VIEWER and share.subject_kind == kind]
        else:
            kept += [Sharing(kind, name, Role.VIEWER) for name in names]
    set_shares(session, "dashboard", dashboard.id, kept)
