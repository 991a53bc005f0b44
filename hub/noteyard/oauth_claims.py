"""What a provider's claims say of a person: lasting id, groups and roles."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jwt

SUBJECTS = ("sub", "id", "uuid", "account_id", "metadata.uid")
"""Where providers tell a person's lasting id: OpenID Connect; GitHub and GitLab; Bitbucket; OpenShift."""


@dataclass(frozen=True)
class Claims:
    """All a provider said: `user` is its answer about the person, `state` all of the login's, tokens included."""

    user: Mapping[str, Any]
    state: Mapping[str, Any]

    @property
    def id_token(self) -> Mapping[str, Any]:
        return _content(self.state.get("id_token"))

    def find(self, path: str) -> Any:
        """The first value under a dotted path: of the person, the ID token, the access token, the rest; else None."""
        for place in (self.user, self.id_token, _content(self.state.get("access_token")), self.state):
            found = at_path(place, path)
            if found is not None:
                return found
        return None

    def names(self, path: str | None) -> frozenset[str]:
        """Names of groups or roles listed under a dotted path."""
        return frozenset(_names(self.find(path))) if path else frozenset()

    @property
    def subject(self) -> str:
        """The person's lasting id at the provider; empty when it tells none."""
        found = (at_path(place, path) for path in SUBJECTS for place in (self.user, self.id_token))
        return next((str(value) for value in found if isinstance(value, str | int) and value != ""), "")

    def contradiction(self, client_id: str) -> str:
        """Why the ID token can't be believed: made for somebody else, or about somebody else; empty when it can."""
        if not self.id_token:
            return ""
        audience = self.id_token.get("aud")
        if client_id not in ([audience] if isinstance(audience, str) else audience or []):
            return "its ID token is not for Noteyard"
        about = self.user.get("sub")
        return "its answers are about two people" if about and about != self.id_token.get("sub") else ""


def at_path(claims: Any, path: str) -> Any:
    """The value under a dotted path, None when there is none. Names may hold dots themselves, as URLs do."""
    if not isinstance(claims, Mapping):
        return None
    parts = path.split(".")
    for end in range(len(parts), 0, -1):
        name = ".".join(parts[:end])
        if name in claims:
            rest = ".".join(parts[end:])
            return at_path(claims[name], rest) if rest else claims[name]
    return None


def _names(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        # A team of GitHub's, or a group as an object.
        name = value.get("slug") or value.get("name") or value.get("id")
        organisation = at_path(value, "organization.login")
        if isinstance(name, str | int):
            yield f"{organisation}:{name}" if organisation else str(name)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _names(item)


def _content(token: Any) -> Mapping[str, Any]:
    # It came from the provider itself over the connection that it was asked on, so no signature needs checking:
    # https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation
    if not isinstance(token, str):
        return {}
    try:
        content: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return {}  # not every access token is a JWT
    return content
