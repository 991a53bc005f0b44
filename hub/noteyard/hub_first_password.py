"""Who has a first password is led to its change before the hub opens anything: labs, API tokens, other services.

The portal itself is the exception, since the password is changed there.
"""

from typing import Any
from urllib.parse import urlencode

from jupyterhub import apihandlers, handlers
from jupyterhub.apihandlers.auth import OAuthAuthorizeHandler
from jupyterhub.apihandlers.users import UserServerAPIHandler, UserTokenListAPIHandler
from jupyterhub.handlers import BaseHandler
from jupyterhub.handlers.pages import SpawnHandler, SpawnPendingHandler, TokenPageHandler
from jupyterhub.user import User
from tornado import web

from noteyard.roles import CLIENT_ID
from noteyard.store.tables import Account

PAGES = (SpawnHandler, SpawnPendingHandler, TokenPageHandler, OAuthAuthorizeHandler)
CALLS = (UserServerAPIHandler, UserTokenListAPIHandler)
CHANGE = "/portal/account"


class OwnPasswordFirst(BaseHandler):  # type: ignore[misc]
    """A handler of JupyterHub's that somebody with a first password is kept from."""

    async def prepare(self) -> None:
        await super().prepare()
        if self._finished or not self._has_first_password():
            return
        if isinstance(self, PAGES):
            self.redirect(f"{CHANGE}?{urlencode({'next': self.request.uri})}")
            return
        raise web.HTTPError(403, "Choose a password of your own first, in the portal under your name.")

    def _has_first_password(self) -> bool:
        user = self.current_user
        if not isinstance(user, User) or getattr(self, "_token_authenticated", False):
            return False
        if isinstance(self, OAuthAuthorizeHandler) and set(self.get_query_arguments("client_id")) == {CLIENT_ID}:
            return False
        with self.authenticator.database.read() as session:
            account = session.get(Account, user.name)
            return account is not None and account.must_change_password


def first_password_handlers() -> list[tuple[str, Any]]:
    """JupyterHub's own handlers of these addresses, to stand before them."""
    known = (*handlers.default_handlers, *apihandlers.default_handlers)
    return [
        (path, type(f"{own.__name__}WithOwnPassword", (OwnPasswordFirst, own), {}))
        for path, own, *_ in known
        if own in PAGES or own in CALLS
    ]
