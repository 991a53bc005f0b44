"""A provider's addresses: from its discovery document, asked for when they are first needed, or from the settings."""

from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog
from tornado.httpclient import HTTPClientError

from noteyard.errors import Unavailable
from noteyard.login_settings import Login

ADDRESSES = {
    "authorize_url": "authorization_endpoint",
    "token_url": "token_endpoint",
    "userdata_url": "userinfo_endpoint",
}
PATH = "/.well-known/openid-configuration"

log = structlog.get_logger(__name__)


class Discovery:
    """Sets the addresses of an authenticator of oauthenticator's. A provider that is away is asked again next time."""

    def __init__(self, authenticator: Any, login: Login) -> None:
        self._authenticator = authenticator
        self._login = login
        self.document: dict[str, Any] = {}

    @property
    def realm(self) -> str:
        """Tells the provider's people from other providers': the issuer, or the host that gives tokens."""
        return self._login.issuer or urlsplit(self._authenticator.token_url).hostname or self._login.authenticator

    async def know(self) -> None:
        """See to it that the addresses are known. Raises Unavailable, in words."""
        issuer = self._login.issuer
        if not issuer or self.document:
            return
        try:
            document = await self._authenticator.httpfetch(issuer.rstrip("/") + PATH, "the provider's addresses")
        except (HTTPClientError, OSError, ValueError) as error:
            log.error("the login's provider does not tell its addresses", issuer=issuer, error=str(error))
            raise Unavailable(f"{self._login.title} can't be reached right now.", "Try again in a moment.") from None
        if str(document.get("issuer", "")).rstrip("/") != issuer.rstrip("/"):
            log.error("login.issuer is not what the provider calls itself", issuer=issuer, told=document.get("issuer"))
            raise Unavailable(
                f"{self._login.title} calls itself {document.get('issuer')!r}, not {issuer!r}.",
                "An administrator has to correct login.issuer.",
            )
        for name, key in ADDRESSES.items():
            if name not in self._login.options and not (name == "userdata_url" and self._from_id_token):
                setattr(self._authenticator, name, document.get(key) or "")
        self.document = document

    @property
    def _from_id_token(self) -> bool:
        return bool(self._login.options.get("userdata_from_id_token"))

    def end_of_session(self, after: str, id_token: str | None) -> str:
        """Where a browser goes so that its session at the provider ends, too, and it comes back to `after`."""
        if self._login.logout_redirect:
            return self._login.logout_redirect
        address = self.document.get("end_session_endpoint")
        if not address:
            return after
        query = {"client_id": self._login.client_id, "post_logout_redirect_uri": after}
        if id_token:
            query["id_token_hint"] = id_token
        return f"{address}{'&' if '?' in address else '?'}{urlencode(query)}"

    @property
    def ends_sessions(self) -> bool:
        """Whether logging out here logs out there."""
        return bool(self._login.logout_redirect or self.document.get("end_session_endpoint"))
