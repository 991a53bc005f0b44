"""A provider tells that somebody's session ended there: https://openid.net/specs/openid-connect-backchannel-1_0.html"""

from time import time
from typing import Any

import jwt
from jupyterhub.handlers import BaseHandler
from sqlalchemy import select
from tornado.httpclient import HTTPClientError
from tornado.web import HTTPError

from noteyard.errors import NoteyardError
from noteyard.store.sessions import end_logins
from noteyard.store.tables import Account

EVENT = "http://schemas.openid.net/event/backchannel-logout"
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
NEEDED = ["iss", "aud", "iat", "jti", "events", "sub"]
OLDEST_SECONDS = 300


class BackchannelLogout(BaseHandler):  # type: ignore[misc]
    """Ends the logins of the person whom a token names that the provider signed."""

    def check_xsrf_cookie(self) -> None:
        """No browser sends this, and the token says who does."""

    async def post(self) -> None:
        subject = await self._subject(self.get_body_argument("logout_token", ""))
        authenticator = self.authenticator
        with authenticator.database.write() as session:
            account = session.scalar(select(Account).where(Account.subject == subject))
            name = account.name if account is not None else None
            if name is not None:
                end_logins(session, name)
        user = self.find_user(name) if name is not None else None
        if user is not None:
            await user.save_auth_state(None)
            self.log.info("%s is logged out by the provider", name)
        self.set_header("Cache-Control", "no-store")
        self.set_status(200)
        self.finish()

    async def _subject(self, token: str) -> str:
        authenticator = self.authenticator
        try:
            await authenticator.discovery.know()
            document = authenticator.discovery.document
            keys = await authenticator.httpfetch(document.get("jwks_uri", ""), "the provider's keys")
            claims = believed(token, keys, document["issuer"], authenticator.client_id)
        except (NoteyardError, HTTPClientError, OSError) as error:
            self.log.warning("A logout by the provider can't be checked: %s", type(error).__name__)
            raise HTTPError(400, "the provider's keys can't be had") from None
        except (jwt.PyJWTError, ValueError, KeyError) as error:
            self.log.warning("A logout by the provider is not believed: %s", type(error).__name__)
            raise HTTPError(400, "the logout token is not valid") from None
        return f"{authenticator.discovery.realm} {claims['sub']}"


def believed(token: str, keys: dict[str, Any], issuer: str, client_id: str) -> dict[str, Any]:
    """The claims of a logout token that the provider signed for us, not long ago. Raises PyJWTError or ValueError."""
    header = jwt.get_unverified_header(token)
    key = next((key for key in jwt.PyJWKSet.from_dict(keys).keys if key.key_id == header.get("kid")), None)
    if key is None:
        raise ValueError("no such key")
    options: Any = {"require": NEEDED}
    claims: dict[str, Any] = jwt.decode(
        token, key.key, algorithms=ALGORITHMS, audience=client_id, issuer=issuer, options=options, leeway=30
    )
    if EVENT not in claims["events"] or "nonce" in claims or time() - claims["iat"] > OLDEST_SECONDS:
        raise ValueError("not a logout of now")
    return claims
