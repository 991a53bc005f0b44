"""The hub's routes as rows, and what else the edge must know."""

from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from noteyard.domain import WorkloadState
from noteyard.store.tables import HubRoute
from noteyard.store.workload_tables import Dashboard, WorkloadProcess


def put_route(session: Session, routespec: str, target: str, data: dict[str, Any]) -> None:
    """Add a route, or point it elsewhere."""
    session.merge(HubRoute(routespec=routespec, target=target, data=data))


def delete_route(session: Session, routespec: str) -> None:
    """Remove a route; fine when there is none."""
    session.execute(delete(HubRoute).where(HubRoute.routespec == routespec))


def list_routes(session: Session) -> list[HubRoute]:
    """All routes of the hub."""
    return list(session.scalars(select(HubRoute).order_by(HubRoute.routespec)))


def route_targets(session: Session) -> list[tuple[str, str]]:
    """Routespec and target of each route: asked for many times a second, so without making objects of the rows."""
    query = select(HubRoute.routespec, HubRoute.target).order_by(HubRoute.routespec)
    return [(routespec, target) for routespec, target in session.execute(query)]


def ready_workloads(session: Session) -> list[tuple[str, str]]:
    """Slug and address of each dashboard whose current version is up; of several processes the newest one."""
    query = (
        select(Dashboard.slug, WorkloadProcess.address)
        .join(WorkloadProcess, WorkloadProcess.dashboard == Dashboard.id)
        .where(
            Dashboard.deleted.is_(None),
            WorkloadProcess.version == Dashboard.current,
            WorkloadProcess.state == WorkloadState.READY,
            WorkloadProcess.ended.is_(None),
            WorkloadProcess.address.is_not(None),
        )
        .order_by(Dashboard.slug, WorkloadProcess.created)
    )
    newest = {slug: address for slug, address in session.execute(query) if address}
    return sorted(newest.items())
