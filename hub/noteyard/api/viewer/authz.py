"""ForwardAuth: the edge asks here about every request to a dashboard's process.

An ASGI application of its own behind one route, without FastAPI's machinery: it is asked more often than all other
routes together.
"""

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from fastapi import Request, Response
from fastapi.responses import PlainTextResponse, RedirectResponse
from sqlalchemy import update
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from noteyard.api.viewer.decisions import Asked, Decisions
from noteyard.api.viewer.visitors import slug_of_host, visits
from noteyard.domain import Audience
from noteyard.errors import FieldError, InvalidParameters, NoteyardError
from noteyard.parameter_values import takes_any_name
from noteyard.parameters import coerce_query, validate
from noteyard.store import Database
from noteyard.store.dashboards import get_version
from noteyard.store.releases import get_release
from noteyard.store.types import now
from noteyard.store.workload_tables import Dashboard

LIVE_PAGE = "/live/"
VISIT_NOTED = timedelta(seconds=60)
TOKEN = "X-Noteyard-Viewer"
NOT_READ = "can't be set by a link: the parameters of this dashboard's notebook could not be read"
# A plus is a space in a query, and people write UTC offsets as they are.
LOST_PLUS = re.compile(r"([0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?) ([0-9]{2}:[0-9]{2})\b")


class Authz:
    """200 with a signed viewer token, a redirect to the dashboard's front page, or a refusal in words."""

    path = "/internal/v1/authz"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # What metrics name the request by; FastAPI sets it for routes of its own.
        scope["route"] = self
        decisions: Decisions = scope["app"].state.decisions
        asked = _asked(scope)
        revision = await decisions.revision.current()
        token = decisions.find(asked, revision) if asked else None
        if token is None:
            answer = await run_in_threadpool(_decide, Request(scope))
            if asked and answer.status_code == 200:
                decisions.keep(asked, revision, answer.headers[TOKEN].encode())
            await answer(scope, receive, send)
            return
        headers = [(TOKEN.lower().encode(), token), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def authz_route() -> Route:
    """The route for every method: the edge asks with that of the request."""
    return Route(Authz.path, Authz(), include_in_schema=False)


def page_parameters(schema: dict[str, Any], defaults: dict[str, Any], query: str) -> dict[str, Any] | None:
    """Values of a page's query over the published defaults; None when it has none. InvalidParameters as validate.

    Names and values become code of the notebook's language, and a viewer executes nothing: only parameters that were
    read from the notebook can be set, each by a value of its type.
    """
    pairs = parse_qsl(query, keep_blank_values=True)
    if not pairs:
        return None
    if takes_any_name(schema):
        raise InvalidParameters([FieldError(name, NOT_READ) for name in dict(pairs)])
    moments = {name for name, item in schema.get("properties", {}).items() if _holds_moments(item)}
    pairs = [(name, LOST_PLUS.sub(r"\1+\2", text) if name in moments else text) for name, text in pairs]
    return validate(schema, {**defaults, **coerce_query(schema, pairs)})


def _holds_moments(schema: dict[str, Any]) -> bool:
    return "datetime" in (schema.get("x-type"), schema.get("items", {}).get("x-type"))


def _asked(scope: Scope) -> Asked | None:
    """What the answer depends on; None when it may also depend on a page's parameters."""
    asked = []
    for header in scope["headers"]:
        if header[0] == b"x-forwarded-uri" and b"?" in header[1]:
            return None
        if header[0] in (b"cookie", b"x-forwarded-host"):
            asked.append(tuple(header))
    return tuple(asked)


def _decide(request: Request) -> Response:
    state = request.app.state
    uri = urlsplit(request.headers.get("x-forwarded-uri", "/"))
    try:
        slug = slug_of_host(request.headers.get("x-forwarded-host", ""), state.urls)
        with state.database.read() as session:
            dashboard, visitor, may = visits(session, request, slug, state.settings)
            if visitor is None or not may:
                return _refuse(request, state.urls.app(slug), uri.query)
            parameters = None
            if uri.path == LIVE_PAGE and uri.query and dashboard.current is not None:
                release = get_release(session, get_version(session, dashboard.id, dashboard.current).release)
                parameters = page_parameters(release.schema, dashboard.parameters, uri.query)
    except NoteyardError as error:
        return PlainTextResponse(str(error), error.status)
    _note_visit(state.database, dashboard)
    person = visitor.person if dashboard.reads_viewer or dashboard.audience != Audience.PUBLIC else None
    token = state.viewer_tokens.sign(dashboard.id, person, visitor.sid, parameters)
    return Response(status_code=200, headers={TOKEN: token})


def _refuse(request: Request, origin: str, query: str) -> Response:
    if "text/html" in request.headers.get("accept", "") and request.headers.get("x-forwarded-method", "GET") == "GET":
        return RedirectResponse(f"{origin}/{'?' + query if query else ''}", 302)
    return PlainTextResponse("Open this dashboard again from its link.", 401)


def _note_visit(database: Database, dashboard: Dashboard) -> None:
    if dashboard.last_visit is not None and now() - dashboard.last_visit < VISIT_NOTED:
        return
    with database.write() as session:
        session.execute(update(Dashboard).where(Dashboard.id == dashboard.id).values(last_visit=now()))
