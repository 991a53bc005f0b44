"""Opaque secrets for sessions, tickets, workers: handed out once, kept only as a SHA-256."""

import hashlib
import secrets
from typing import Protocol


class Tokened(Protocol):
    """A row that a token opens."""

    token_hash: str


def new_token() -> str:
    """A fresh secret with 256 random bits, safe in headers and cookies."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What the database keeps of a token. Plain SHA-256 is enough for secrets that nobody chose."""
    return hashlib.sha256(token.encode()).hexdigest()


def renew_token(row: Tokened) -> str:
    """A new token for a row: who still holds the old one will be refused."""
    token = new_token()
    row.token_hash = token_hash(token)
    return token
