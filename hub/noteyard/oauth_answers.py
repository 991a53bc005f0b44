"""What a provider's refusal means: that somebody's login there is over, or that nothing can be said of it now."""

import json
from typing import Any

from tornado.httpclient import HTTPClientError

# RFC 6749, 5.2, and what providers say when it is our configuration or their load that keeps them from an answer.
NOT_OF_THE_PERSON = {
    "incorrect_client_credentials",
    "invalid_client",
    "invalid_request",
    "invalid_scope",
    "server_error",
    "slow_down",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
}
LATER = {408, 425, 429}


class TokenRefused(Exception):
    """An error that came with the status 200, as GitHub's do. `code` is its name, as in RFC 6749, 5.2."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def refused_in(answer: Any) -> None:
    """Raises TokenRefused for a token endpoint's answer that holds an error."""
    if isinstance(answer, dict) and "access_token" not in answer and "error" in answer:
        raise TokenRefused(str(answer["error"])[:40])


def is_over(error: HTTPClientError | TokenRefused) -> bool:
    """Whether the provider says that this login is over. False when it may say otherwise in a while."""
    if isinstance(error, TokenRefused):
        return error.code not in NOT_OF_THE_PERSON
    if error.code >= 500 or error.code in LATER:
        return False
    said = _named(error)
    if said is not None:
        return said not in NOT_OF_THE_PERSON
    return not (error.code == 403 and _is_too_often(error))


def _named(error: HTTPClientError) -> str | None:
    try:
        answer = json.loads(error.response.body) if error.response is not None else None
    except ValueError:
        return None
    return str(answer["error"]) if isinstance(answer, dict) and "error" in answer else None


def _is_too_often(error: HTTPClientError) -> bool:
    headers = error.response.headers if error.response is not None else {}
    return "Retry-After" in headers or headers.get("X-RateLimit-Remaining") == "0"
