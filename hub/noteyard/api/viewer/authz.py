"""ForwardAuth: the edge asks here about every request to a dashboard's process."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from sqlalchemy import update

from noteyard.api.dependencies import Config, Db, RequestId, Urls
from noteyard.api.viewer.visitors import slug_of_host, visits
from noteyard.domain import Audience
from noteyard.errors import NoteyardError
from noteyard.parameters import coerce_query, validate
from noteyard.store import Database
from noteyard.store.dashboards import get_version
from noteyard.store.releases import get_release
from noteyard.store.types import now
from noteyard.store.workload_tables import Dashboard

router = APIRouter(include_in_schema=False)

LIVE_PAGE = "/live/"
VISIT_NOTED = timedelta(seconds=60)


@router.api_route("/internal/v1/authz", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def authz(request: Request, database: Db, settings: Config, urls: Urls, request_id: RequestId) -> Response:
    """200 with a signed viewer token, a redirect to the dashboard's front page, or a refusal in words."""
    uri = urlsplit(request.headers.get("x-forwarded-uri", "/"))
    try:
        slug = slug_of_host(request.headers.get("x-forwarded-host", ""), urls)
        with database.read() as session:
            dashboard, visitor, may = visits(session, request, slug, settings)
            if visitor is None or not may:
                return _refuse(request, urls.app(slug), uri.query)
            parameters = None
            if uri.path == LIVE_PAGE and uri.query and dashboard.current is not None:
                release = get_release(session, get_version(session, dashboard.id, dashboard.current).release)
                parameters = page_parameters(release.schema, dashboard.parameters, uri.query)
    except NoteyardError as error:
        return PlainTextResponse(str(error), error.status)
    _note_visit(database, dashboard)
    person = visitor.person if dashboard.reads_viewer or dashboard.audience != Audience.PUBLIC else None
    token = request.app.state.viewer_tokens.sign(dashboard.id, person, visitor.sid, parameters)
    return Response(status_code=200, headers={"X-Noteyard-Viewer": token, "X-Request-Id": request_id})


def page_parameters(schema: dict[str, Any], defaults: dict[str, Any], query: str) -> dict[str, Any] | None:
    """Values of a page's query over the published defaults; None when it has none. InvalidParameters as validate."""
    pairs = parse_qsl(query, keep_blank_values=True)
    if not pairs:
        return None
    return validate(schema, {**defaults, **coerce_query(schema, pairs)})


def _refuse(request: Request, origin: str, query: str) -> Response:
    if "text/html" in request.headers.get("accept", "") and request.headers.get("x-forwarded-method", "GET") == "GET":
        return RedirectResponse(f"{origin}/{'?' + query if query else ''}", 302)
    return PlainTextResponse("Open this dashboard again from its link.", 401)


def _note_visit(database: Database, dashboard: Dashboard) -> None:
    if dashboard.last_visit is not None and now() - dashboard.last_visit < VISIT_NOTED:
        return
    with database.write() as session:
        session.execute(update(Dashboard).where(Dashboard.id == dashboard.id).values(last_visit=now()))
