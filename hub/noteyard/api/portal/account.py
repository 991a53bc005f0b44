"""One's own account: the password, which a first one must be changed into, and where API tokens are."""

import re
from urllib.parse import urlencode

from fastapi import APIRouter, Response

from noteyard.api import people as rest
from noteyard.api.browser_cookies import end_cookie, set_cookie
from noteyard.api.identity import has_first_password
from noteyard.api.people import PasswordChange
from noteyard.api.portal.desk import AtDesk, Desk
from noteyard.api.portal.forms import SentForm, body, errors_by_field
from noteyard.cookies import SESSION
from noteyard.errors import FieldError, InvalidParameters, NoteyardError
from noteyard.store.audit import record
from noteyard.store.sessions import allow_renewal, end_logins, open_session
from noteyard.store.tables import Account
from noteyard.urls import is_local

CHANGED = "Your password is changed. Your other browsers are logged out."
HUB_SESSION = "jupyterhub-session-id"
"""JupyterHub's cookie that tells browsers apart; it opens nothing."""

router = APIRouter(prefix="/portal/account", include_in_schema=False)


@router.get("")
def account(desk: Desk, next: str = "") -> Response:
    """`next` is where somebody was going who has to choose a password first."""
    return _page(desk, next)


@router.get("/onward")
def onward(desk: Desk, next: str = "/") -> Response:
    """Lead on, on this host only, to where somebody was going who had to choose a password first."""
    return desk.page("onward.html", target=next if is_local(next) else "/", said=CHANGED)


@router.post("/password")
def change_password(desk: Desk, sent: SentForm) -> Response:
    """Change the password; this browser stays logged in, every other is logged out."""
    texts = {name: dict(sent.pairs).get(name, "") for name in ("old", "new", "again", "next")}
    forced = has_first_password(desk.request, desk.person)
    try:
        if texts["new"] != texts["again"]:
            raise InvalidParameters([FieldError("again", "the two new passwords are not the same")])
        change = body(PasswordChange, {"old": texts["old"], "new": texts["new"]})
        rest.password(change, desk.person, desk.database, desk.settings)
    except NoteyardError as error:
        return _page(desk, texts["next"], error)
    with desk.database.write() as session:
        cookie = open_session(session, desk.person.name, desk.settings.session_hours)
        session.flush()
        allow_renewal(session, cookie, _hub_session(desk))
    onward = _onward(desk, texts["next"] or "/") if forced else desk.go("/portal/account", CHANGED)
    # By way of the hub, where this browser's login has ended too and is renewed.
    answer = desk.go(f"/hub/renew-login?{urlencode({'next': onward.headers['location']})}")
    set_cookie(answer, desk.urls, SESSION, cookie, int(desk.settings.session_hours * 3600))
    return answer


@router.post("/log-out-everywhere")
def log_out_everywhere(desk: Desk) -> Response:
    """End the person's logins in all browsers, and then this one's at the hub and at the login's provider."""
    with desk.database.write() as session:
        end_logins(session, desk.person.name)
        record(session, desk.person.name, "person.logout", desk.person.name, {}, desk.request_id)
    answer = desk.go("/hub/logout")
    end_cookie(answer, desk.urls, SESSION)
    return answer


def _hub_session(desk: AtDesk) -> str:
    found = desk.request.cookies.get(HUB_SESSION, "")
    return found if re.fullmatch("[0-9a-f]{32}", found) else ""


def _onward(desk: AtDesk, target: str) -> Response:
    target = target if is_local(target) else "/"
    if target == "/" or target.startswith("/portal/"):
        return desk.go(target, CHANGED)
    # The way to a lab or dashboard ends on another host, where a form's answer may not lead (CSP's form-action).
    return desk.go(f"/portal/account/onward?{urlencode({'next': target})}")


def _page(desk: AtDesk, next: str = "", error: NoteyardError | None = None) -> Response:
    with desk.database.read() as session:
        row = session.get_one(Account, desk.person.name)
        forced = row.must_change_password
        local = row.password_hash is not None and desk.settings.login.local
    errors = errors_by_field(error)
    errors.setdefault("old", error.message if error and error.status == 403 else errors["old"])
    return desk.page(
        "account.html",
        error.status if error else 200,
        forced=forced,
        next=next,
        local=local,
        provider=desk.settings.login.title,
        error=error,
        errors=errors,
    )
