"""The short-lived signed token by which the edge says who is looking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from noteyard_lab.viewer import Viewer

HEADER = "X-Noteyard-Viewer"
ISSUER = "noteyard"
CLOCK_TOLERANCE = 5.0


@dataclass(frozen=True)
class ViewerToken:
    """One request's viewer: the opaque id of their viewer session, who they are, and the parameters of their visit."""

    sid: str
    viewer: Viewer
    parameters: Mapping[str, Any] | None = field(repr=False)


class ViewerTokens:
    """Checks viewer tokens against the hub side's public key (PEM, Ed25519) and this dashboard's audience."""

    def __init__(self, public_key: str, audience: str) -> None:
        self._key = public_key.encode()
        self._audience = audience

    def read(self, token: str | None) -> ViewerToken | None:
        """The viewer a token stands for; None when it is missing, forged, expired or meant for another dashboard."""
        if not token:
            return None
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=["EdDSA"],
                audience=self._audience,
                issuer=ISSUER,
                leeway=CLOCK_TOLERANCE,
                options={"require": ["exp", "aud", "iss", "sub", "sid"]},
            )
            return _viewer_of(claims)
        except (jwt.InvalidTokenError, KeyError, TypeError):
            return None


def _viewer_of(claims: Mapping[str, Any]) -> ViewerToken:
    sid, name, parameters = claims["sid"], claims["sub"], claims.get("parameters")
    if not isinstance(sid, str) or not sid or not (parameters is None or isinstance(parameters, dict)):
        raise TypeError("the token's sid or parameters have the wrong type")
    groups = tuple(str(group) for group in claims.get("groups") or ())
    return ViewerToken(sid, Viewer(name, groups, anonymous=not name), parameters)
