"""Questions to JupyterHub: whose token is this, log a browser in, stop a lab."""

import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from noteyard.errors import NoteyardError, Unavailable
from noteyard.tokens import token_hash

CLIENT_ID = "service-noteyard"
CACHE_SECONDS = 10.0
SCOPE_PREFIX = "custom:noteyard:"


class NotLoggedIn(NoteyardError):
    """Who asks is not known."""

    title = "Not logged in"

    def __init__(self, message: str = "This needs a login or an API token.") -> None:
        super().__init__(message, "Send `Authorization: Bearer <token>`; make a token with `noteyard token`.", 401)


@dataclass
class HubClient:
    """HTTP to the hub. `url` is its internal base URL, `token` the service's API token, `public_url` the browser's."""

    url: str
    token: str
    public_url: str
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=10))
    _known: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict)

    async def identify(self, token: str) -> dict[str, Any]:
        """The hub's model of a token's user (name, admin, groups, scopes); cached for some seconds."""
        key = token_hash(token)
        cached = self._known.get(key)
        if cached is not None and cached[0] > time.monotonic():
            return cached[1]
        answer = await self._get("/hub/api/user", token)
        if answer.status_code in (401, 403, 404):
            raise NotLoggedIn("The token is not known, or has ended.")
        user: dict[str, Any] = answer.raise_for_status().json()
        if len(self._known) > 10_000:
            self._known.clear()
        self._known[key] = (time.monotonic() + CACHE_SECONDS, user)
        return user

    def login_url(self, state: str) -> str:
        """Where a browser goes to log in and come back to the portal."""
        query = {
            "client_id": CLIENT_ID,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "state": state,
        }
        return f"{self.public_url}/hub/api/oauth2/authorize?{urlencode(query)}"

    @property
    def redirect_uri(self) -> str:
        return f"{self.public_url}/portal/oauth_callback"

    async def finish_login(self, code: str) -> dict[str, Any]:
        """Trade the code of the OAuth callback for the hub's model of who logged in."""
        form = {
            "client_id": CLIENT_ID,
            "client_secret": self.token,
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
        }
        try:
            answer = await self.http.post(f"{self.url}/hub/api/oauth2/token", data=form)
        except httpx.HTTPError as error:
            raise _away(error) from None
        if answer.status_code != 200:
            raise NotLoggedIn("The login could not be finished; it may have taken too long.")
        return await self.identify(answer.json()["access_token"])

    async def server(self, person: str) -> dict[str, Any] | None:
        """The person's lab (ready, pending, url, started), or None when it is off."""
        answer = await self._get(f"/hub/api/users/{quote(person)}", self.token)
        if answer.status_code == 404:
            return None
        servers = answer.raise_for_status().json().get("servers") or {}
        found: dict[str, Any] | None = servers.get("")
        return found

    async def has_lab(self, person: str) -> bool:
        """Whether the person's lab is on, or on its way to it."""
        return await self.server(person) is not None

    async def stop_lab(self, person: str) -> None:
        """Ask the hub to stop a person's lab; fine when it is off."""
        await self._delete(f"/hub/api/users/{quote(person)}/server")

    async def forget(self, person: str) -> None:
        """Delete the hub's user with all its tokens and logins; fine when there is none."""
        await self._delete(f"/hub/api/users/{quote(person)}")

    async def _delete(self, path: str) -> None:
        try:
            answer = await self.http.delete(f"{self.url}{path}", headers={"Authorization": f"token {self.token}"})
        except httpx.HTTPError as error:
            raise _away(error) from None
        if answer.status_code not in (202, 204, 404):
            raise Unavailable(
                f"The hub answered {answer.status_code} to a request to stop a lab.", "Try again in a moment."
            )

    async def _get(self, path: str, token: str) -> httpx.Response:
        try:
            answer = await self.http.get(f"{self.url}{path}", headers={"Authorization": f"token {token}"})
        except httpx.HTTPError as error:
            raise _away(error) from None
        if answer.status_code >= 500:
            raise Unavailable(f"The hub answered {answer.status_code}.", "Try again in a moment.")
        return answer


def _away(error: httpx.HTTPError) -> Unavailable:
    return Unavailable(
        f"The hub does not answer ({type(error).__name__}): logins and API tokens can't be checked right now.",
        "Runs, schedules and dashboards go on. Try again in a moment.",
    )
