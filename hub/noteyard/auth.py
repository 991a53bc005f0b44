"""JupyterHub's authenticator for local accounts, and what a provider's logins (oauth_login.py) share with it: people,
groups and administrators are those of our database."""

import asyncio
from typing import Any

from jupyterhub.auth import Authenticator
from jupyterhub.handlers import BaseHandler
from jupyterhub.handlers.login import LogoutHandler
from jupyterhub.utils import maybe_future
from tornado import web
from traitlets import Unicode

from noteyard.domain import Person
from noteyard.errors import NoteyardError
from noteyard.hub_first_password import first_password_handlers
from noteyard.hub_logins import RenewLogin, by_token, epoch_of, keep_in_step
from noteyard.roles import ADMINISTRATORS
from noteyard.store import Database
from noteyard.store.database import shared_database
from noteyard.store.logins import TooManyFailures, verify_login
from noteyard.store.sessions import end_sessions_of, hub_session_to_keep, person_of
from noteyard.store.tables import Account

VERIFIED_AT_ONCE = 2  # each takes 64 MiB and a core for a moment
REFRESH_SECONDS = 2


class PeopleOfOurs(Authenticator):  # type: ignore[misc]
    """What both kinds of login share. Somebody who was disabled is refused within REFRESH_SECONDS, by cookies and
    tokens alike."""

    manage_groups = True
    auth_refresh_age = REFRESH_SECONDS
    auth_refresh_strict = True  # tokens too, not only cookies
    refresh_pre_spawn = True

    database_url = Unicode(help="SQLAlchemy URL of Noteyard's database.").tag(config=True)

    async def add_user(self, user: Any) -> None:
        """New to the hub, or known to it when it starts: logins of before a change of password end."""
        await maybe_future(super().add_user(user))
        self.keep_in_step(getattr(user, "orm_user", user))

    async def refresh_user(self, user: Any, handler: BaseHandler | None = None) -> bool | dict[str, Any]:
        """Today's groups; False for somebody who may not log in, or was disabled before and is not yet forgotten by
        the hub, and for a browser whose login has ended."""
        if handler is not None and not hasattr(handler, "_token_authenticated"):
            handler._token_authenticated = False  # JupyterHub 6.1 asks pages that take no tokens for it, and fails
        with self.database.read() as session:
            account = session.get(Account, user.name)
            if account is None or account.disabled or account.refused or not account.hub_cleared:
                return False
            model = hub_model(person_of(session, account))
        if not self.keep_in_step(user.orm_user) and not by_token(handler):
            return False
        return model if {group.name for group in user.groups} != set(model["groups"]) else True

    def normalize_username(self, username: str) -> str:
        return username

    def get_handlers(self, app: Any) -> list[tuple[str, type[BaseHandler]]]:
        """Pages of the hub that lead to the portal, before JupyterHub's own of the same address."""
        return [
            *super().get_handlers(app),
            ("/home", ToPortal),
            ("/admin", ToPeople),
            ("/renew-login", RenewLogin),
            *first_password_handlers(),
        ]

    def keep_in_step(self, user: Any) -> bool:
        """End the hub's logins that are to end; whether there were none."""
        with self.database.read() as session:
            account = session.get(Account, user.name)
            if account is None:
                return True
            epoch, kept = epoch_of(account), hub_session_to_keep(session, user.name)
        return keep_in_step(user, epoch, kept)

    @property
    def database(self) -> Database:
        return shared_database(self.database_url)


class NoteyardAuthenticator(PeopleOfOurs):
    """Local accounts."""

    # Accounts are what allows: whoever has one that is not disabled may log in.
    allow_all = any_allow_config = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._verifying = asyncio.Semaphore(VERIFIED_AT_ONCE)

    async def authenticate(self, handler: BaseHandler, data: dict[str, str]) -> dict[str, Any]:
        """Who logs in. Refusals are HTTP errors whose text the login page shows."""
        name, password = data.get("username", ""), data.get("password", "")
        try:
            async with self._verifying:
                person = await asyncio.to_thread(verify_login, self.database, name, password)
        except NoteyardError as error:
            raise LoginRefused(error) from None
        user = handler.find_user(person.name)
        if user is not None:
            self.keep_in_step(user.orm_user)
        return hub_model(person)

    def get_handlers(self, app: Any) -> list[tuple[str, type[BaseHandler]]]:
        return [("/logout", NoteyardLogout), *super().get_handlers(app)]


class LoginRefused(web.HTTPError):
    """A refusal whose words JupyterHub shows on the login page; `headers` go out with it."""

    def __init__(self, error: NoteyardError) -> None:
        super().__init__(error.status, "login refused")
        self.error = error
        self.jupyterhub_message = str(error)
        self.headers = {"Retry-After": str(error.seconds)} if isinstance(error, TooManyFailures) else {}


class NoteyardLogout(LogoutHandler):  # type: ignore[misc]
    """Logging out of the hub ends the portal's and the dashboards' sessions too."""

    async def handle_logout(self) -> None:
        user = self.current_user
        if user is not None:
            with self.authenticator.database.write() as session:
                end_sessions_of(session, user.name)


class ToPortal(BaseHandler):  # type: ignore[misc]
    """JupyterHub's home page is the portal's."""

    def get(self) -> None:
        self.redirect("/")


class ToPeople(BaseHandler):  # type: ignore[misc]
    """JupyterHub's admin page is the portal's page of people."""

    def get(self) -> None:
        self.redirect("/portal/people")


def hub_model(person: Person) -> dict[str, Any]:
    """The person as JupyterHub is told: name and groups."""
    # Nobody is `admin` to JupyterHub: see roles.py.
    groups = sorted(person.groups) + ([ADMINISTRATORS] if person.admin else [])
    return {"name": person.name, "admin": False, "groups": groups}
