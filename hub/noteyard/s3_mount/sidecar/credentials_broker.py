"""Asks the broker for credentials."""

import http.client
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from noteyard.s3_mount.sidecar.credentials_options import CredentialsOptions

ANSWER_SECONDS = 15
LONGEST_ANSWER = 65536


class Away(Exception):
    """The broker can't be asked now; why, in one sentence. `retry_after` in seconds where it says so."""

    def __init__(self, said: str, retry_after: float = 0) -> None:
        super().__init__(said)
        self.retry_after = retry_after


class Refused(Exception):
    """The broker gives this pod nothing; why, in its words."""


@dataclass(frozen=True)
class Credentials:
    """Keys and when they end. `token` is empty for keys that are no session's."""

    access_key: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    expires: datetime

    def document(self) -> dict[str, str]:
        """As container credentials are answered:
        https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
        """
        return {
            "AccessKeyId": self.access_key,
            "SecretAccessKey": self.secret,
            "Token": self.token,
            "Expiration": self.expires.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


def ask(options: CredentialsOptions) -> Credentials:
    """Fresh credentials. Raises Away, Refused."""
    try:
        token = options.token.read_text().strip()
    except OSError as error:
        raise Away(f"The pod's token can't be read: {error.strerror}.") from None
    status, headers, body = _post(options.broker, token)
    if status == 200:
        return _credentials(body)
    said = _said(body, status)
    # What is known and not allowed stays so for a while; all else may pass.
    if status in (401, 403):
        raise Refused(said)
    raise Away(said, _seconds(headers.get("Retry-After")))


def _post(url: str, token: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    place = urlsplit(url)
    kind = http.client.HTTPSConnection if place.scheme == "https" else http.client.HTTPConnection
    connection = kind(place.netloc, timeout=ANSWER_SECONDS)
    try:
        connection.request("POST", place.path, headers={"Authorization": f"Bearer {token}", "Content-Length": "0"})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read(LONGEST_ANSWER)
    except OSError as error:
        raise Away(f"Noteyard's API does not answer: {error.strerror or 'not in time'}.") from None
    except http.client.HTTPException as error:
        raise Away(f"Noteyard's API does not answer as it should ({type(error).__name__}).") from None
    finally:
        connection.close()


def _credentials(body: bytes) -> Credentials:
    try:
        found: dict[str, Any] = json.loads(body)
        expires = datetime.fromisoformat(found["Expiration"])
        return Credentials(str(found["AccessKeyId"]), str(found["SecretAccessKey"]), str(found["Token"]), expires)
    except (ValueError, KeyError, TypeError):
        raise Away("Noteyard's API gave an answer that can't be understood.") from None


def _said(body: bytes, status: int) -> str:
    try:
        found = json.loads(body)
        return " ".join(str(found[name]) for name in ("detail", "hint") if found.get(name))
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"Noteyard's API answered {status}."


def _seconds(text: str | None) -> float:
    return float(text) if text is not None and text.isdigit() else 0
