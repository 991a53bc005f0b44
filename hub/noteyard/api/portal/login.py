"""Logging a browser in to the portal through JupyterHub, and out of everything."""

import secrets
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from noteyard.api.browser_cookies import end_cookie, read_cookie, set_cookie
from noteyard.api.dependencies import Config, Db, Hub, Urls
from noteyard.api.identity import check_origin
from noteyard.cookies import LOGIN, SESSION
from noteyard.errors import Forbidden
from noteyard.hub_client import HubClient, NotLoggedIn
from noteyard.store.sessions import end_session, open_session
from noteyard.store.tables import Account
from noteyard.store.types import now
from noteyard.urls import is_local

router = APIRouter(prefix="/portal", include_in_schema=False)

STATE_SECONDS = 600
LONGEST_TARGET = 3000
"""Browsers keep cookies of up to 4,096 bytes."""
AS_IT_IS = "".join(map(chr, range(0x20, 0x7F)))


@router.get("/login")
def login(hub: Hub, urls: Urls, next: str = "/") -> Response:
    """Off to the hub's login; `next` is where to go afterwards, on this host only."""
    state = secrets.token_urlsafe(24)
    answer = RedirectResponse(hub.login_url(state), 302)
    set_cookie(answer, urls, LOGIN, f"{state} {_kept(next)}", STATE_SECONDS)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.get("/oauth_callback")
async def oauth_callback(
    request: Request, hub: Hub, database: Db, settings: Config, urls: Urls, code: str = "", state: str = ""
) -> Response:
    """Back from the hub: open a session of ours, which goes on while the hub is away."""
    expected, _, target = read_cookie(request, LOGIN).partition(" ")
    if not code or not expected or not secrets.compare_digest(state.encode(), expected.encode()):
        return RedirectResponse(f"{urls.hub}/portal/login", 302)
    user = await _logged_in(hub, code)
    with database.write() as session:
        account = session.get(Account, user["name"])
        if account is None or account.disabled or account.refused or account.removed is not None:
            raise Forbidden(
                "This account is disabled, or may not use Noteyard any more.",
                "Ask an administrator of Noteyard, and log in again afterwards.",
            )
        account.last_seen = now()
        cookie = open_session(session, account.name, settings.session_hours)
    answer = RedirectResponse(f"{urls.hub}{target if is_local(target) else '/'}", 302)
    set_cookie(answer, urls, SESSION, cookie, int(settings.session_hours * 3600))
    end_cookie(answer, urls, LOGIN)
    return answer


def _kept(target: str) -> str:
    """Where to go afterwards, as a cookie can hold it."""
    quoted = quote(target, safe=AS_IT_IS)
    return quoted if is_local(target) and len(quoted) <= LONGEST_TARGET else "/"


async def _logged_in(hub: HubClient, code: str) -> dict[str, Any]:
    try:
        return await hub.finish_login(code)
    except NotLoggedIn as error:
        # Not a 401, which leads a browser to its login: the hub, which knows it still, would send it back here at once.
        again = "Log in again; if it goes on, tell an administrator of Noteyard."
        raise Forbidden(error.message, again) from None


@router.post("/logout")
def logout(request: Request, database: Db, urls: Urls) -> Response:
    """End the person's sessions of portal and dashboards, then the hub's."""
    check_origin(request)
    with database.write() as session:
        end_session(session, read_cookie(request, SESSION))
    answer = RedirectResponse(f"{urls.hub}/hub/logout", 303)
    end_cookie(answer, urls, SESSION)
    return answer
