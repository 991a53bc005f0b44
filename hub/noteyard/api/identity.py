"""Who asks: a browser by its session cookie, a program by its API token."""

import asyncio
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from noteyard.api.browser_cookies import read_cookie
from noteyard.cookies import SESSION
from noteyard.domain import Person
from noteyard.errors import Forbidden
from noteyard.hub_client import SCOPE_PREFIX, HubClient, NotLoggedIn
from noteyard.store import Database
from noteyard.store.sessions import find_session, person_of
from noteyard.store.tables import Account
from noteyard.store.workload_tables import BrowserSession

PASSWORD_CALL = "/api/v1/me/password"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def read_browser(request: Request) -> tuple[BrowserSession, Person] | None:
    """The portal's session of this request, or None."""
    cookie = read_cookie(request, SESSION)
    if not cookie:
        return None
    database: Database = request.app.state.database
    with database.read() as session:
        return find_session(session, cookie)


def check_origin(request: Request) -> None:
    """Refuse a browser's change that does not come from the hub's own pages.

    SameSite cookies do not help: labs and dashboards are on the same site. Browsers send Origin with every such
    request: https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
    """
    if request.method in SAFE_METHODS:
        return
    expected = urlsplit(request.app.state.urls.hub)
    if request.headers.get("origin") != f"{expected.scheme}://{expected.netloc}":
        raise Forbidden("This change did not come from a page of Noteyard.", "Open the portal and do it there.")


async def current_person(request: Request) -> Person:
    """Who asks; NotLoggedIn when nobody is known."""
    header = request.headers.get("authorization", "")
    scheme, _, token = header.partition(" ")
    if header:
        if scheme.lower() not in ("bearer", "token") or not token.strip():
            raise NotLoggedIn("The Authorization header is not of the form `Bearer <token>`.")
        return await _by_token(request, token.strip())
    found = await asyncio.to_thread(read_browser, request)
    if found is None:
        raise NotLoggedIn()
    check_origin(request)
    if request.url.path != PASSWORD_CALL and await asyncio.to_thread(has_first_password, request, found[1]):
        raise Forbidden("Choose a password of your own first.", "Do it in the portal, under your name.")
    return found[1]


def has_first_password(request: Request, person: Person) -> bool:
    """Whether somebody who is logged in has still to choose a password of their own, before anything else."""
    database: Database = request.app.state.database
    with database.read() as session:
        return session.get_one(Account, person.name).must_change_password


async def _by_token(request: Request, token: str) -> Person:
    hub: HubClient = request.app.state.hub
    user = await hub.identify(token)
    scopes = frozenset(
        scope.split("!")[0].removeprefix(SCOPE_PREFIX)
        for scope in user.get("scopes", ())
        if scope.startswith(SCOPE_PREFIX)
    )
    person = await asyncio.to_thread(_known, request.app.state.database, str(user.get("name", "")))
    if not scopes:
        raise Forbidden("The token has none of Noteyard's scopes.", "Make one with `noteyard token NAME --scope read`.")
    return Person(person.name, person.groups, person.admin, scopes)


def _known(database: Database, name: str) -> Person:
    with database.read() as session:
        account = session.get(Account, name)
        if account is None or account.disabled or account.refused or account.removed is not None:
            raise NotLoggedIn("The token's person is not known here, disabled, or may not log in any more.")
        return person_of(session, account)


Asking = Annotated[Person, Depends(current_person)]
