"""Opaque secrets for sessions, tickets, workers: handed out once, kept only as a SHA-256."""

import hashlib
import secrets


def new_token() -> str:
    """A fresh secret with 256 random bits, safe in headers and cookies."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What the database keeps of a token. Plain SHA-256 is enough for secrets that nobody chose."""
    return hashlib.sha256(token.encode()).hexdigest()
