"""Who is looking, told to people's code: short-lived Ed25519-signed tokens (JWT, EdDSA)."""

import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from noteyard.domain import Person

ISSUER = "noteyard"
SECONDS = 60
"""A request that the edge forwards is answered long before; only the moment of its arrival is checked."""


@dataclass(frozen=True)
class ViewerTokens:
    """Signs with the installation's key (PEM, PKCS8)."""

    pem: str

    @cached_property
    def _key(self) -> Ed25519PrivateKey:
        key = load_pem_private_key(self.pem.encode(), None)
        if not isinstance(key, Ed25519PrivateKey):
            raise TypeError("the viewer key must be an Ed25519 key")
        return key

    @cached_property
    def public_pem(self) -> str:
        """What workloads check the tokens with."""
        return self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, dashboard: str, person: Person | None, sid: str, parameters: dict[str, Any] | None = None) -> str:
        """A token for one dashboard; person None: anonymous. `sid` tells viewers' sessions apart."""
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": dashboard,
            "exp": int(time.time()) + SECONDS,
            "sub": person.name if person else "",
            "sid": sid,
            "name": person.name if person else "",
            "groups": sorted(person.groups) if person else [],
        }
        if parameters is not None:
            claims["parameters"] = parameters
        return jwt.encode(claims, self._key, algorithm="EdDSA")
