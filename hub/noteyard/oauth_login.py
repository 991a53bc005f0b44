"""JupyterHub's authenticator for a provider's logins: one of oauthenticator's classes, with people in our database.

The provider is asked at each login, and every `login.refresh_minutes` about everybody who is logged in. What it says
of groups and administrators is taken over; who may not log in any more, or whose session has ended there, is logged
out here. While it is away, those who are logged in go on.
"""

import asyncio
from collections import defaultdict
from time import monotonic
from typing import Any

from jupyterhub.handlers import BaseHandler
from oauthenticator.oauth2 import OAuthenticator
from tornado.httpclient import HTTPClientError
from tornado.ioloop import PeriodicCallback
from tornado.web import HTTPError
from traitlets import Any as AnyTrait

from noteyard.auth import LoginRefused, PeopleOfOurs, hub_model
from noteyard.domain import Person
from noteyard.errors import Forbidden, NoteyardError, Unavailable
from noteyard.hub_logins import by_token
from noteyard.login_settings import Login
from noteyard.names import group_from, person_from
from noteyard.oauth_answers import TokenRefused, is_over, refused_in
from noteyard.oauth_browsers import logged_in_by, mark_browser, with_browsers_of
from noteyard.oauth_claims import Claims
from noteyard.oauth_discovery import Discovery
from noteyard.oauth_handlers import FromProvider, handlers_of
from noteyard.store.provider_logins import Known, account_of, refuse, take_over
from noteyard.store.sessions import end_logins, people_logged_in

NAME = "ProviderAuthenticator"
LOOK_SECONDS = 15.0
"""How often it is looked who is to be asked about again."""
AWAY_SECONDS = 30.0
"""How long a provider that did not answer is left alone."""


def provider_class(chosen: type[OAuthenticator]) -> type[OAuthenticator]:
    """The class for JupyterHub: one of oauthenticator's, with ours before it."""
    return type(NAME, (ProviderLogin, chosen), {})


def _reconciled(authenticator: Any, model: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any] | None:
    """JupyterHub's hook: what becomes of auth_state at a login, and (without one of its own) at a refresh."""
    new = model.get("auth_state")
    return before if new is None else with_browsers_of(before, new)


class ProviderLogin(PeopleOfOurs):
    """What is ours of a provider's login; comes before a class of oauthenticator's."""

    allow_all = False
    enable_auth_state = True

    login = AnyTrait(help="The settings' section `login`.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.discovery = Discovery(self, self.login)
        self._asked: dict[str, float] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._was_away = float("-inf")
        self._users: Any = None
        self.reconcile_auth_state_hook = _reconciled

    # A login

    async def authenticate(self, handler: BaseHandler, data: Any = None, **kwargs: Any) -> dict[str, Any]:
        """Who logs in at the provider. Raises LoginRefused in words."""
        if not isinstance(handler, FromProvider):
            raise LoginRefused(Forbidden(f"People log in with {self.login.title} here."))
        await self.discovery.know()
        try:
            model: dict[str, Any] = await super().authenticate(handler, data, **kwargs)
        except (HTTPClientError, TokenRefused, OSError, ValueError, KeyError) as error:
            raise LoginRefused(self._failed(error)) from None
        except HTTPError as error:
            if error.status_code < 500:
                raise  # in words for the browser: a state that does not match, a login that was broken off
            raise LoginRefused(self._failed(error)) from None
        handler.refused_with(model["auth_state"].get("id_token"))
        return model

    async def check_allowed(self, username: str, model: dict[str, Any] | None) -> bool:
        """True, or LoginRefused; somebody known who may not log in any more is shut out."""
        if model is None:
            return True  # JupyterHub asks so about names in its own configuration
        known = self._known(model)
        if await self._may(username, known, model):
            return True
        with self.database.write() as session:
            refuse(session, known)
        raise LoginRefused(self._not_allowed())

    async def run_post_auth_hook(self, handler: BaseHandler, model: dict[str, Any]) -> dict[str, Any]:
        """Who may log in becomes a person of ours; JupyterHub gets their name and groups as we have them."""
        model = await super().run_post_auth_hook(handler, model)
        person = self._take_over(model)
        user = handler.find_user(person.name)
        if user is not None:
            self.keep_in_step(user.orm_user)
        self._asked[person.name] = monotonic()
        return {**hub_model(person), "auth_state": logged_in_by(mark_browser(handler), model["auth_state"])}

    async def httpfetch(self, url: str, *words: Any, **options: Any) -> Any:
        """As oauthenticator's, which would take an error that comes as an answer for one of ours, and log all of it."""
        answer = await super().httpfetch(url, *words, **options)
        if url == self.token_url:
            refused_in(answer)
        return answer

    # Asking again

    async def refresh_user(self, user: Any, handler: BaseHandler | None = None, **kwargs: Any) -> bool | dict[str, Any]:
        """As for local accounts; a browser's request also asks the provider when it is time."""
        known = await super().refresh_user(user, handler)
        if known and handler is not None and not by_token(handler) and self._is_due(user.name):
            if not await self.ask_again(user):
                return False
            known = await super().refresh_user(user, handler)
        # None of its own: JupyterHub would save the one that it has read before, and undo what came in between.
        return {**known, "auth_state": None} if isinstance(known, dict) else known

    async def ask_again(self, user: Any) -> bool:
        """Ask the provider about somebody who is logged in, and take its answer over; whether they still are."""
        async with self._locks[user.name]:  # a refresh token may be good for one use
            if not self._is_due(user.name):
                return True
            self._asked[user.name] = monotonic()
            state = await user.get_auth_state()
            if not state:
                return self._end(user.name, "nothing is known of their login")
            if "token_response" not in state:
                return True  # of a class that keeps nothing to ask with
            try:
                model = await self._renewed(state)
            except (HTTPClientError, TokenRefused) as error:
                if not is_over(error):
                    return self._away(user.name, error)
                if not state.get("refresh_token") and state["token_response"].get("expires_in"):
                    return True  # it can't be asked any more: the login lasts as long as any
                return self._end(user.name, f"the provider answered {error.code}")
            except (OSError, ValueError, KeyError, HTTPError, Unavailable) as error:
                return self._away(user.name, error)
            return await self._keep(user, state, model)

    async def _renewed(self, state: dict[str, Any]) -> dict[str, Any]:
        await self.discovery.know()
        before, token = state["token_response"], state.get("refresh_token")
        if token:
            tokens = await self.get_token_info(None, self.build_refresh_token_request_params(token))
            kept = {name: before[name] for name in ("refresh_token", "id_token") if name in before}
            before = {**kept, **tokens}
        model: dict[str, Any] = await self._token_to_auth_model(before)
        return model

    async def _keep(self, user: Any, asked_with: dict[str, Any], model: dict[str, Any]) -> bool:
        try:
            await self.check_allowed(model["name"], model)
            person = self._take_over(model)
        except LoginRefused as refused:
            self.log.warning("%s is logged out: %s", user.name, refused.error.message)
            return False
        if person.name != user.name:
            return self._end(user.name, "the provider says that it is somebody else")
        now = await user.get_auth_state()
        if now is None:
            return self._end(user.name, "they logged out while the provider was asked")
        # Who has logged in again meanwhile has newer tokens than these.
        if now.get("token_response") == asked_with["token_response"]:
            await user.save_auth_state(with_browsers_of(now, model["auth_state"]))
        return True

    async def ask_about_all(self) -> None:
        """Ask about everybody whose time it is; a provider that has no answer is left alone until the next time."""
        begun = monotonic()
        with self.database.read() as session:
            names = people_logged_in(session)
        for name in names:
            if self._was_away >= begun:
                return
            if self._is_due(name) and (user := self._users.get(name)) is not None:
                try:
                    await self.ask_again(user)
                except Exception as error:
                    # One's trouble keeps nobody else from being asked about. What it says may hold tokens.
                    self.log.error("The provider could not be asked about %s: %s", name, type(error).__name__)

    def _is_due(self, name: str) -> bool:
        return bool(monotonic() - self._asked.get(name, float("-inf")) >= self.login.refresh_minutes * 60)

    def _away(self, name: str, error: Exception) -> bool:
        why = getattr(error, "code", type(error).__name__)
        self.log.warning("The provider says nothing about %s (%s); they stay logged in", name, why)
        self._was_away = monotonic()
        self._asked[name] = self._was_away - self.login.refresh_minutes * 60 + AWAY_SECONDS
        return True

    def _end(self, name: str, why: str) -> bool:
        self.log.info("%s is logged out: %s", name, why)
        with self.database.write() as session:
            end_logins(session, name)
        return False

    # Words and rules

    def normalize_username(self, username: str) -> str:
        return person_from(username, self.login.username_domains)

    def validate_username(self, username: str) -> bool:
        return True  # take_over says in words what is wrong with a name

    async def get_user_groups(self, auth_state: dict[str, Any]) -> set[str]:
        """The provider's names of groups and roles."""
        claims = self._claims(auth_state)
        return set(claims.names(self.login.groups_claim) | claims.names(self.login.roles_claim))

    def get_handlers(self, app: Any) -> list[tuple[str, type[BaseHandler]]]:
        """Also begins to ask the provider about those who are logged in."""
        self._users = app.users
        often = min(LOOK_SECONDS, self.login.refresh_minutes * 30)
        PeriodicCallback(self.ask_about_all, often * 1000).start()
        return [*handlers_of(self), *super().get_handlers(app)]

    def _claims(self, auth_state: dict[str, Any]) -> Claims:
        return Claims(auth_state.get(self.user_auth_state_key) or {}, auth_state)

    def _known(self, model: dict[str, Any]) -> Known:
        claims = self._claims(model["auth_state"])
        wrong = claims.contradiction(self.client_id)
        if not claims.subject:
            wrong = "it tells no lasting id of a person"
        if wrong:
            problem = f"{self.login.title} can't be believed: {wrong}."
            raise LoginRefused(Forbidden(problem, "Tell an administrator of Noteyard."))
        names = frozenset(model.get("groups") or ())
        groups = frozenset(self.login.group_names.get(name) or group_from(name) for name in names)
        administers = bool(model.get("admin")) or bool(names & {*self.login.admin_groups})
        told = bool(self.login.admin_groups) or model.get("admin") is not None
        return Known(
            model["name"],
            f"{self.discovery.realm} {claims.subject}",
            groups if self.login.manage_groups else None,
            administers if told else None,
        )

    async def _may(self, username: str, known: Known, model: dict[str, Any]) -> bool:
        login: Login = self.login
        if login.allow_all or set(model.get("groups") or ()) & {*login.allowed_groups, *login.admin_groups}:
            return True
        if login.allow_registered:
            with self.database.read() as session:
                account = account_of(session, known)
                if account is not None and account.registered:
                    return True
        return bool(await super().check_allowed(username, model))

    def _take_over(self, model: dict[str, Any]) -> Person:
        try:
            with self.database.write() as session:
                return take_over(session, self._known(model))
        except NoteyardError as error:
            raise LoginRefused(error) from None

    def _not_allowed(self) -> NoteyardError:
        groups = self.login.allowed_groups
        needed = f" Needed is one of these groups: {', '.join(groups)}." if groups else ""
        return Forbidden(
            f"{self.login.title} knows you, but you may not use Noteyard.{needed}",
            "Ask an administrator of Noteyard, and log in again afterwards.",
        )

    def _failed(self, error: Exception) -> NoteyardError:
        # What the error says may hold tokens.
        code = getattr(error, "code", type(error).__name__)
        self.log.error("A login could not be finished: %s at %s", code, self.login.title)
        if isinstance(error, HTTPClientError | TokenRefused) and is_over(error):
            return Forbidden(
                f"{self.login.title} did not confirm this login ({error.code}).",
                "Log in again; if it goes on, tell an administrator of Noteyard.",
            )
        return Unavailable(
            f"{self.login.title} does not answer as it should.",
            "Try again in a moment; if it goes on, tell an administrator of Noteyard.",
        )
