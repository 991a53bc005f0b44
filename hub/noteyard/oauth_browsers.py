"""Which browser logged in with which ID token: a provider ends a session unasked only for a token of that session.

One person may be logged in by several browsers, each with a session of its own at the provider, and JupyterHub keeps
one auth_state for them all. So each login gets a mark, in a cookie of its browser, and auth_state has the ID tokens by
their marks.
"""

from collections.abc import Mapping
from secrets import token_urlsafe
from typing import Any

from jupyterhub.handlers import BaseHandler

from noteyard.cookies import PROVIDER, cookie_name

BROWSERS = "browsers"
"""In auth_state: ID tokens by the marks of their browsers, the newest last."""
KEPT = 10
COOKIE_DAYS = 14.0
"""As long as the hub's own login cookie."""

State = dict[str, Any]


def mark_browser(handler: BaseHandler) -> str:
    """Give the browser a new mark, and return it."""
    mark = token_urlsafe(16)
    secure = _secure(handler)
    handler.set_secure_cookie(
        cookie_name(PROVIDER, secure), mark, COOKIE_DAYS, path="/", httponly=True, secure=secure, samesite="Lax"
    )
    return mark


def forget_browser(handler: BaseHandler) -> str:
    """Take the browser's mark away, and return it; empty when it has none."""
    name = cookie_name(PROVIDER, _secure(handler))
    mark = handler.get_secure_cookie(name, max_age_days=COOKIE_DAYS)
    handler.clear_cookie(name, path="/", httponly=True, secure=_secure(handler), samesite="Lax")
    return mark.decode() if mark else ""


def logged_in_by(mark: str, new: State) -> State:
    """The auth_state of a login, with its ID token under the browser's mark."""
    token = new.get("id_token")
    return {**new, BROWSERS: {mark: token}} if token else new


def with_browsers_of(before: Mapping[str, Any] | None, new: State) -> State:
    """The new auth_state, with the ID tokens of other browsers as they were; only the newest logins' are kept."""
    marked = {**((before or {}).get(BROWSERS) or {}), **(new.get(BROWSERS) or {})}
    return {**new, BROWSERS: dict(list(marked.items())[-KEPT:])} if marked else new


def id_token_of(mark: str, state: Mapping[str, Any]) -> str | None:
    """The ID token with which that browser logged in."""
    marked = state.get(BROWSERS)
    # A login from before browsers were marked.
    token: str | None = state.get("id_token") if marked is None else marked.get(mark)
    return token


def _secure(handler: BaseHandler) -> bool:
    return bool(handler.settings["public_url"].scheme == "https")
