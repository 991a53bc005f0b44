"""The dashboard launcher's side of the protocol: claim, files, rendering, status."""

import asyncio
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.orm import Session

from noteyard.api.bodies import BoundedBody
from noteyard.api.dependencies import Config, Db, RequestId, Store
from noteyard.api.printed import Printed
from noteyard.api.streams import stored
from noteyard.api.workers import ClaimBody, ErrorBody, Token
from noteyard.backends import platform
from noteyard.domain import DataUser, WorkloadState
from noteyard.errors import FieldError, InvalidParameters, NotFound
from noteyard.objects import blob_key, rendering_key
from noteyard.parameters import validate
from noteyard.s3_places import DataIdentity
from noteyard.store import Database
from noteyard.store.dashboards import get_version, publisher_of
from noteyard.store.releases import get_release
from noteyard.store.s3_keys import key_for_dashboard
from noteyard.store.types import now
from noteyard.store.workload_tables import Dashboard
from noteyard.store.workloads import Report, claim_process, process_by_token, report_process

router = APIRouter(prefix="/internal/v1/workloads/{id}", include_in_schema=False)

RENDERINGS = frozenset({"rendering.html", "card.png"})
RENDERING_BYTES = 256 * 1024 * 1024


class StatusBody(BaseModel):
    state: Literal["starting", "rendering", "ready", "failed"]
    port: int | None = Field(default=None, ge=1, le=65535)
    host: str = Field(default="127.0.0.1", max_length=253)
    sessions: int = Field(default=0, ge=0)
    last_activity: AwareDatetime | None = None
    error: ErrorBody | None = None
    log: Printed | None = Field(default=None, max_length=1_000_000)


@router.post("/claim")
def claim(
    id: str, body: ClaimBody, token: Token, request: Request, database: Db, settings: Config, request_id: RequestId
) -> dict[str, Any]:
    shape = platform(settings)
    with database.write() as session:
        process = claim_process(session, id, token, body.token)
        dashboard = session.get_one(Dashboard, process.dashboard)
        version = get_version(session, dashboard.id, process.version)
        release = get_release(session, version.release)
        publisher = publisher_of(dashboard, version)
        identity = DataIdentity(DataUser.DASHBOARD, publisher, id)
        data = shape.data_environment(identity, lambda: key_for_dashboard(session, process, publisher))
        return {
            "dashboard": dashboard.id,
            "title": dashboard.title,
            "notebook": release.notebook,
            "files": release.files,
            "schema": release.schema,
            "parameters": validate(release.schema, version.parameters),
            "environment": {**data, "NOTEYARD_DASHBOARD": dashboard.slug},
            "kernel_name": None,
            "public_key": request.app.state.viewer_tokens.public_pem,
            "audience": dashboard.id,
            "base_url": "/live/",
            "assets_url": "/_assets/",
            "bind": shape.dashboard_bind,
            "reads_viewer": dashboard.reads_viewer,
            "render": process.render,
            **_limits(settings),
            "request_id": request_id,
        }


@router.get("/files/{sha256}")
async def file(id: str, sha256: str, token: Token, database: Db, objects: Store) -> StreamingResponse:
    if sha256 not in await asyncio.to_thread(_files, database, id, token):
        raise NotFound("The release has no such file.")
    return await stored(objects, blob_key(sha256), "application/octet-stream")


@router.put("/rendering/{name}", status_code=204)
async def rendering(id: str, name: str, request: Request, token: Token, database: Db, objects: Store) -> None:
    if name not in RENDERINGS:
        raise NotFound(f"A dashboard has no rendering {name!r}.")
    dashboard, version = await asyncio.to_thread(_shown, database, id, token)
    await objects.put_async(rendering_key(dashboard, version, name), BoundedBody(request, RENDERING_BYTES).stream())
    await asyncio.to_thread(_note_rendering, database, dashboard, version, name)


@router.post("/status")
def status(id: str, body: StatusBody, token: Token, database: Db, settings: Config) -> dict[str, bool]:
    address = platform(settings).dashboard_address(id, body.host, body.port) if body.port else None
    if body.port and address is None:
        raise InvalidParameters(
            [FieldError("host", f"viewers can't be led to {body.host}:{body.port}; a dashboard serves where it runs")]
        )
    error = body.error.model_dump() if body.error else None
    report = Report(WorkloadState(body.state), address, body.sessions, body.last_activity, error, body.log)
    with database.write() as session:
        return {"stop": _report(session, id, token, report)}


def _files(database: Database, id: str, token: str) -> set[str]:
    """SHA-256 of each file of the release that the process shows."""
    with database.read() as session:
        process = process_by_token(session, id, token)
        release = get_release(session, get_version(session, process.dashboard, process.version).release)
        return {item["sha256"] for item in release.files}


def _shown(database: Database, id: str, token: str) -> tuple[str, int]:
    """The process's dashboard and the version it shows."""
    with database.read() as session:
        process = process_by_token(session, id, token)
        return process.dashboard, process.version


def _report(session: Session, id: str, token: str, report: Report) -> bool:
    return report_process(session, process_by_token(session, id, token), report)


def _note_rendering(database: Db, dashboard: str, number: int, name: str) -> None:
    with database.write() as session:
        version = get_version(session, dashboard, number)
        version.rendered = now()
        # The page comes first; without a picture in it, the one before it is none of this page.
        version.has_card = name == "card.png"


def _limits(settings: Config) -> dict[str, Any]:
    limits = settings.dashboards
    return {
        "preheat": limits.preheat,
        "sessions_max": limits.sessions_max,
        "session_idle_seconds": limits.session_idle_minutes * 60,
        "disconnected_seconds": limits.disconnected_seconds,
        "memory_limit": limits.memory_mb * 1024 * 1024 if limits.memory_mb else None,
    }
