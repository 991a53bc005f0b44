"""A dashboard's own host: the page that shows the last rendering at once and swaps in the live session."""

import asyncio
import hashlib
from base64 import b64encode
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse, RedirectResponse
from markupsafe import Markup

from noteyard.api.assets import STATIC
from noteyard.api.browser_cookies import set_cookie
from noteyard.api.dashboard_access import dashboard_state, looked_at_as_administrator
from noteyard.api.dependencies import Config, Db, RequestId, Store, Urls
from noteyard.api.pages import page
from noteyard.api.problems import problem
from noteyard.api.streams import stored
from noteyard.api.viewer.authz import page_parameters
from noteyard.api.viewer.rate_limit import RateLimit
from noteyard.api.viewer.visitors import Visitor, anonymous_cookie, slug_of_host, visits
from noteyard.cookies import VIEWER
from noteyard.domain import Audience
from noteyard.errors import InvalidParameters, NoteyardError, NotFound, TooMany
from noteyard.objects import rendering_key
from noteyard.store.dashboards import get_dashboard, get_version, wake
from noteyard.store.releases import get_release
from noteyard.store.sessions import redeem_ticket
from noteyard.store.workload_tables import Dashboard

router = APIRouter(include_in_schema=False)

ANONYMOUS_DAYS = 30
# In the page, so that the frame of the rendering is laid out and painted without another request.
SHELL_STYLE = Markup((STATIC / "dashboard_shell.css").read_text())
STYLE_HASH = b64encode(hashlib.sha256(SHELL_STYLE.encode()).digest()).decode()
SHELL_POLICY = (
    f"default-src 'self'; style-src 'sha256-{STYLE_HASH}'; connect-src 'self'; frame-src 'self'; "
    "img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


@router.get("/")
def shell(request: Request, database: Db, settings: Config, urls: Urls, request_id: RequestId) -> Response:
    """The front page. Whoever is not known yet is sent to the stable link, which logs in and comes back."""
    slug = slug_of_host(request.headers.get("host", ""), urls)
    query = request.url.query
    try:
        with database.write() as session:
            dashboard, visitor, may = visits(session, request, slug, settings)
            if not may:
                if visitor is not None and visitor.person is not None:
                    return page(request, "dashboard_refused.html", 403, title=dashboard.title, home=urls.hub)
                return RedirectResponse(f"{urls.dashboard(slug)}{'?' + query if query else ''}", 302)
            _check_query(session, dashboard, query)
            with suppress(TooMany):  # the last rendering is shown all the same, and the page asks again
                _wake(request, dashboard, visitor)
            looked_at_as_administrator(session, dashboard, visitor.person if visitor else None, "page", request_id)
            rendered = _rendered(session, dashboard)
            state = STATES[dashboard_state(session, dashboard)[0]]
    except InvalidParameters as error:
        return page(request, "dashboard_parameters.html", 422, fields=error.fields, slug=slug, origin=urls.app(slug))
    shown = {"dashboard": dashboard, "rendered": rendered, "state": state, "style": SHELL_STYLE}
    answer = page(request, "dashboard_shell.html", 200, **shown, home=urls.hub)
    answer.headers["Content-Security-Policy"] = SHELL_POLICY
    if visitor is None:
        cookie = anonymous_cookie(dashboard.id, request.app.state.signing_key)
        set_cookie(answer, urls, VIEWER, cookie, ANONYMOUS_DAYS * 86400)
    return answer


@router.get("/.noteyard/ticket")
def ticket(request: Request, t: str, database: Db, settings: Config, urls: Urls) -> Response:
    """Trade the single-use ticket for a session on this host."""
    slug = slug_of_host(request.headers.get("host", ""), urls)
    with database.write() as session:
        dashboard = get_dashboard(session, slug)
        redeemed = redeem_ticket(session, t, dashboard.id, settings.session_hours)
    if redeemed is None:
        return RedirectResponse(urls.dashboard(slug), 302)
    answer = RedirectResponse(f"{urls.app(slug)}/{'?' + redeemed.query if redeemed.query else ''}", 302)
    set_cookie(answer, urls, VIEWER, redeemed.cookie, int(settings.session_hours * 3600))
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@router.get("/.noteyard/rendering")
async def rendering(request: Request, database: Db, settings: Config, urls: Urls, objects: Store) -> Response:
    """The last good rendering; in an origin of its own by its policy, whoever opens it."""
    slug = slug_of_host(request.headers.get("host", ""), urls)
    with database.read() as session:
        dashboard, _, may = visits(session, request, slug, settings)
    if not may:
        raise NotFound("There is nothing here.")
    if dashboard.current is None:
        answer = page(request, "dashboard_preparing.html", 200)
        answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'self'"
        return answer
    key = rendering_key(dashboard.id, dashboard.current, "rendering.html")
    return await stored(objects, key, "text/html; charset=utf-8", {"Cache-Control": "no-cache"})


@router.get("/.noteyard/state")
def state(request: Request, database: Db, settings: Config, urls: Urls) -> JSONResponse:
    """What the shell polls: asking also keeps the dashboard awake."""
    slug = slug_of_host(request.headers.get("host", ""), urls)
    with database.write() as session:
        dashboard, visitor, may = visits(session, request, slug, settings)
        if not may or visitor is None:
            raise NotFound("There is nothing here.")
        message = None
        try:
            _wake(request, dashboard, visitor)
        except TooMany as error:
            message = error.message
        word, _ = dashboard_state(session, dashboard)
    return JSONResponse({"state": STATES[word], "message": message or MESSAGES[word], "live": word == "ready"})


STATES = {"ready": "ready", "starting": "starting", "publishing": "starting", "asleep": "sleeping", "failed": "failed"}
MESSAGES = {
    "ready": "",
    "starting": "Starting a live session…",
    "publishing": "This dashboard is being prepared for the first time.",
    "asleep": "The dashboard is asleep.",
    "failed": "The live session can't be started right now. Its owner sees why.",
}


@router.api_route("/{path:path}", methods=["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"])
def asleep(request: Request, path: str, urls: Urls) -> Response:
    """Anything else reaches us only while no process is up: send a browser to the front page, which wakes it."""
    slug = slug_of_host(request.headers.get("host", ""), urls)
    if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{urls.app(slug)}/{query}", 302)
    return PlainTextResponse("This dashboard is asleep. Open its link to wake it.", 503, {"Retry-After": "5"})


def _check_query(session: Any, dashboard: Dashboard, query: str) -> None:
    if query and dashboard.current is not None:
        release = get_release(session, get_version(session, dashboard.id, dashboard.current).release)
        page_parameters(release.schema, dashboard.parameters, query)


def _wake(request: Request, dashboard: Dashboard, visitor: Visitor | None) -> None:
    if not dashboard.awake and (visitor is None or visitor.person is None) and dashboard.audience == Audience.PUBLIC:
        limit: RateLimit = request.app.state.public_wakes
        if not limit.take():
            raise TooMany(
                "Many dashboards were woken just now; this one shows its last rendering.", "Try again in a minute."
            )
    wake(dashboard)


def _rendered(session: Any, dashboard: Dashboard) -> Any:
    if dashboard.current is None:
        return None
    return get_version(session, dashboard.id, dashboard.current).rendered


async def refused(request: Request, error: Exception) -> Response:
    """Errors on a dashboard's host are plain pages, and problem documents for its script."""
    if not isinstance(error, NoteyardError):
        raise error
    if "text/html" not in request.headers.get("accept", ""):
        return problem(request, error)
    return await asyncio.to_thread(page, request, "dashboard_error.html", error.status, error=error)
