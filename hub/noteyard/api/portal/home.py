"""The first page: my lab, recent runs, my schedules, dashboards I may open."""

import asyncio
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Response

from noteyard.api.dashboard_access import dashboard_models
from noteyard.api.dependencies import Hub
from noteyard.api.portal.desk import Desk
from noteyard.api.run_access import run_models
from noteyard.api.schedule_access import schedule_models
from noteyard.domain import Person
from noteyard.errors import NoteyardError
from noteyard.hub_client import HubClient
from noteyard.store import Database
from noteyard.store.dashboards import list_dashboards
from noteyard.store.runs import RunFilter, list_runs
from noteyard.store.schedules import list_schedules
from noteyard.urls import PublicUrls

router = APIRouter(include_in_schema=False)

SHOWN = 8


@router.get("/")
@router.get("/portal")
@router.get("/portal/")
async def home(desk: Desk, hub: Hub) -> Response:
    rows = asyncio.to_thread(_rows, desk.database, desk.person, desk.urls)
    lab, found = await asyncio.gather(_lab(hub, desk.person.name), rows)
    return desk.page("home.html", lab=lab, **found)


@router.get("/portal/parts/runs")
def recent_runs(desk: Desk) -> Response:
    return desk.page("home_runs.html", runs=_runs(desk.database, desk.person, desk.urls))


@router.get("/portal/parts/lab")
async def lab(desk: Desk, hub: Hub) -> Response:
    return desk.page("home_lab.html", lab=await _lab(hub, desk.person.name))


@router.post("/portal/lab/stop")
async def stop_lab(desk: Desk, hub: Hub) -> Response:
    await hub.stop_lab(desk.person.name)
    return desk.go("/", "Your lab is stopping.")


async def _lab(hub: HubClient, name: str) -> dict[str, Any]:
    try:
        server = await hub.server(name)
    except NoteyardError:
        return {"state": "away"}
    if server is None:
        return {"state": "off"}
    started = datetime.fromisoformat(server["started"]) if server.get("started") else None
    if server.get("ready"):
        return {"state": "ready", "started": started}
    return {"state": "stopping" if server.get("pending") == "stop" else "starting"}


def _runs(database: Database, person: Person, urls: PublicUrls) -> list[Any]:
    with database.read() as session:
        found = list_runs(session, RunFilter(visible_to=person.name, limit=SHOWN))
        return run_models(session, found[:SHOWN], urls)


def _rows(database: Database, person: Person, urls: PublicUrls) -> dict[str, Any]:
    with database.read() as session:
        schedules = schedule_models(session, list_schedules(session, person, None, SHOWN)[:SHOWN], person, urls)
        found = list_dashboards(session, person, None, SHOWN)[:SHOWN]
        dashboards = dashboard_models(session, found, person, urls)
    return {"runs": _runs(database, person, urls), "schedules": schedules, "dashboards": dashboards}
