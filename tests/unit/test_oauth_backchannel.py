"""A logout that the provider sends is believed only when it signed it, for us, about a logout, not long ago."""

from time import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from noteyard.oauth_backchannel import EVENT, believed

ISSUER = "https://login.example.org/realms/team"


def key_pair(kid: str = "k1") -> tuple[Any, dict[str, Any]]:
    key = ec.generate_private_key(ec.SECP256R1())
    public = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return key, {"keys": [{**public, "kid": kid, "alg": "ES256", "use": "sig"}]}


def token(key: Any, kid: str = "k1", **other: Any) -> str:
    claims = {
        "iss": ISSUER,
        "aud": "noteyard",
        "iat": int(time()),
        "jti": "1",
        "sub": "f3",
        "events": {EVENT: {}},
        **other,
    }
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, key, algorithm="ES256", headers={"kid": kid})


def test_a_logout_of_now_is_believed() -> None:
    key, keys = key_pair()
    assert believed(token(key), keys, ISSUER, "noteyard")["sub"] == "f3"


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://login.example.net"},
        {"aud": "other"},
        {"iat": int(time()) - 3600},
        {"exp": int(time()) - 3600},
        {"sub": None},
        {"jti": None},
        {"events": {}},
        {"nonce": "of a login"},
        {"kid": "k2"},
    ],
)
def test_anything_else_is_not(wrong: dict[str, Any]) -> None:
    key, keys = key_pair()
    with pytest.raises((jwt.PyJWTError, ValueError)):
        believed(token(key, **wrong), keys, ISSUER, "noteyard")


def test_another_s_key_and_none_at_all_are_not() -> None:
    key, keys = key_pair()
    other, _ = key_pair()
    unsigned = jwt.encode(jwt.decode(token(key), options={"verify_signature": False}), None, algorithm="none")
    for made in (token(other), unsigned, "", "x.y.z"):
        with pytest.raises((jwt.PyJWTError, ValueError)):
            believed(made, keys, ISSUER, "noteyard")
