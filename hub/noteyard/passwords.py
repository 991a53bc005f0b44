"""Password hashes (argon2id) of local accounts, and what a password must be like."""

import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from noteyard.errors import FieldError, InvalidParameters

SHORTEST = 10
LONGEST = 200
LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"

_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """The argon2id hash of a password. Raises InvalidParameters (field `password`) when it is too short or too long."""
    if len(password) < SHORTEST:
        raise InvalidParameters([FieldError("password", f"must have at least {SHORTEST} characters")])
    if len(password) > LONGEST:
        raise InvalidParameters([FieldError("password", f"must have at most {LONGEST} characters")])
    return _hasher.hash(password)


def verify(password: str, hash: str | None) -> bool:
    """Whether the password belongs to the hash. None (no such person, no password) takes the same time to refuse."""
    try:
        return _hasher.verify(hash or _nobodys_hash(), password[:LONGEST]) and hash is not None
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(hash)


def new_password() -> str:
    """A first password to hand to a person: 75 random bits in groups that can be read out."""
    return "-".join("".join(secrets.choice(LETTERS) for _ in range(5)) for _ in range(3))


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_hex())
