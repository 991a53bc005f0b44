"""The hub's pages of a provider's login: off to the provider, back from it, refusals in words, and out again."""

import re
from typing import Any

from jupyterhub.handlers import BaseHandler
from jupyterhub.utils import maybe_future, url_path_join
from oauthenticator.oauth2 import STATE_COOKIE_NAME
from tornado import web

from noteyard.auth import LoginRefused
from noteyard.errors import Forbidden, NoteyardError
from noteyard.oauth_backchannel import BackchannelLogout
from noteyard.oauth_browsers import forget_browser, id_token_of
from noteyard.store.sessions import end_sessions_of

LOGGED_OUT = "/logged-out"
ERROR_CODE = re.compile("[a-z_]{1,40}")


def handlers_of(authenticator: Any) -> list[tuple[str, type[BaseHandler]]]:
    """To stand before oauthenticator's own of these addresses; built on those of the chosen class."""
    to = type("ToProvider", (ToProvider, authenticator.login_handler), {})
    back = type("FromProvider", (FromProvider, authenticator.callback_handler), {})
    out = type("ProviderLogout", (ProviderLogout, authenticator.logout_handler), {})
    return [
        ("/oauth_login", to),
        ("/oauth_callback", back),
        ("/logout", out),
        (LOGGED_OUT, LoggedOut),
        ("/backchannel-logout", BackchannelLogout),
    ]


class RefusesInWords(BaseHandler):  # type: ignore[misc]
    """Shows a refusal as a page with what to do next."""

    async def show_refusal(self, error: NoteyardError, id_token: str | None = None) -> None:
        login, discovery = self.authenticator.login, self.authenticator.discovery
        other = discovery.end_of_session(self.public_logged_out, id_token) if discovery.ends_sessions else ""
        self.set_status(error.status)
        self.set_header("Cache-Control", "no-store")
        self.finish(
            await self.render_template(
                "login_refused.html",
                error=error,
                provider=login.title,
                again=url_path_join(self.hub.base_url, "login"),
                other=other,
            )
        )

    @property
    def public_logged_out(self) -> str:
        return f"{self.settings['public_url'].geturl().rstrip('/')}{self.hub.base_url.rstrip('/')}{LOGGED_OUT}"


class ToProvider(RefusesInWords):
    """Sends a browser to the provider."""

    async def get(self) -> None:
        try:
            await self.authenticator.discovery.know()
        except NoteyardError as error:
            await self.show_refusal(error)
            return
        await maybe_future(super().get())


class FromProvider(RefusesInWords):
    """A browser comes back: it is logged in, or told why not."""

    _id_token: str | None = None

    async def get(self) -> None:
        try:
            await maybe_future(super().get())
        except LoginRefused as refused:
            await self.show_refusal(refused.error, self._id_token)
        except NoteyardError as error:
            await self.show_refusal(error)

    def refused_with(self, id_token: str | None) -> None:
        """Whose ID token it is from now on: the page of a refusal can end their session at the provider unasked."""
        self._id_token = id_token

    def check_error(self) -> None:
        """The provider sends an error where it does not log somebody in."""
        code = self.get_argument("error", "")
        if not code:
            return
        if code == "access_denied":
            problem = "The login was broken off, or you may not use Noteyard there."
        else:
            known = f" ({code})" if ERROR_CODE.fullmatch(code) else ""
            problem = f"{self.authenticator.login.title} did not log you in{known}."
        raise LoginRefused(Forbidden(problem, "Try again; if it goes on, tell an administrator of Noteyard."))

    def check_code(self) -> None:
        self._stale_unless(self.get_argument("code", ""))

    def check_state(self) -> None:
        try:
            super().check_state()
        except web.HTTPError:
            self._stale_unless("")

    def _stale_unless(self, given: str) -> None:
        if not given:
            problem = "This login took too long, or was begun in another window."
            raise LoginRefused(Forbidden(problem, "Log in again."))


class ProviderLogout(RefusesInWords):
    """Ends the person's sessions here and the browser's at the hub and in labs, then leads to the provider's end."""

    _leaving: Any = None

    async def prepare(self) -> None:
        # Who was logged out everywhere is not known any more once the hub has looked.
        self._leaving = self.get_current_user_cookie()
        await super().prepare()

    async def handle_logout(self) -> None:
        user = self._leaving
        self._id_token = None
        self.clear_cookie(STATE_COOKIE_NAME)
        browser = forget_browser(self)
        if user is None:
            return
        if self.current_user is None:
            self.clear_login_cookie()
        state = await user.get_auth_state() or {}
        self._id_token = id_token_of(browser, state)
        await user.save_auth_state(None)
        with self.authenticator.database.write() as session:
            end_sessions_of(session, user.name)

    async def render_logout_page(self) -> None:
        """A page that leads on, for a redirect would be of the form that was sent, which may not leave Noteyard."""
        try:
            await self.authenticator.discovery.know()
        except NoteyardError as error:
            self.log.warning("Logged out here only: %s", error)
        target = self.authenticator.discovery.end_of_session(self.public_logged_out, self._id_token)
        self.set_header("Cache-Control", "no-store")
        self.set_header("Referrer-Policy", "no-referrer")
        provider = self.authenticator.login.title
        self.finish(await self.render_template("logging_out.html", target=target, provider=provider))


class LoggedOut(RefusesInWords):
    """Where the provider leads to afterwards."""

    async def get(self) -> None:
        if self.current_user is not None:
            self.redirect("/")
            return
        authenticator = self.authenticator
        try:
            await authenticator.discovery.know()
        except NoteyardError:
            self.log.info("The provider does not answer")
        self.finish(
            await self.render_template(
                "logged_out.html",
                provider=authenticator.login.title,
                everywhere=authenticator.discovery.ends_sessions,
                again=url_path_join(self.hub.base_url, "login"),
            )
        )
