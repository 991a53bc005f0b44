"""The HTTP client by which a worker or a launcher speaks with the hub side.

Connection errors and server errors are tried again with growing pauses and without limit, until the process is told to
give up. Nothing of the process's surroundings (proxies, .netrc) is trusted, so the token reaches the hub side only.
"""

from __future__ import annotations

import json
import random
import secrets
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO, TypeVar, cast

import httpx

T = TypeVar("T")

EXIT_NOT_WANTED = 3
"""A process leaves with this code when the hub side no longer wants it."""

NOT_WANTED = frozenset({401, 404, 409, 410})
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
PATIENCE = httpx.Timeout(connect=5.0, read=60.0, write=60.0, pool=None)
PIECE = 1 << 16


class NotWantedError(Exception):
    """The hub side no longer wants this process: its token, its attempt or its workload is gone. End quietly."""


class RefusedError(Exception):
    """The hub side refuses what was sent; sending it again would not help. The text is for people."""


class GaveUpError(Exception):
    """The process was told to stop waiting for the hub side."""


@dataclass(frozen=True)
class Access:
    """Where the hub side is and by which token this process may claim there. The token is left out of its repr."""

    api: str
    subject: str
    token: str = field(repr=False)


def find_access(file: Path | None, subject_key: str) -> Access:
    """What a process is started with: from standard input, or from a file."""
    if file is None:
        access = read_access(sys.stdin, subject_key)
        sys.stdin.close()
        return access
    with file.open() as stream:
        return read_access(stream, subject_key)


def read_access(stream: TextIO, subject_key: str) -> Access:
    """Read the one JSON line a process gets: `{"api", subject_key, "token"}`.

    Raises ValueError when the line is not such an object; the line itself is never part of the message.
    """
    try:
        given = json.loads(stream.readline())
        return Access(str(given["api"]).rstrip("/"), str(given[subject_key]), str(given["token"]))
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f'{_name(stream)} must begin with one line of JSON with "api", "{subject_key}" and "token"; '
            "Noteyard starts this program by itself, it is not meant to be started by hand"
        ) from None


def _name(stream: TextIO) -> str:
    return "standard input" if stream is sys.stdin or not hasattr(stream, "name") else str(stream.name)


class HubClient:
    """Requests to the hub side for one worker or launcher. Safe to use from several threads at once.

    Every method raises NotWantedError on 401, 404, 409 and 410, RefusedError on other client errors and
    GaveUpError once `gave_up` is set while it waits to try again.
    """

    def __init__(self, access: Access, gave_up: threading.Event | None = None) -> None:
        self.gave_up = gave_up if gave_up is not None else threading.Event()
        # Loading certificates takes longer than a small run; over plain http nobody looks at them.
        verify: ssl.SSLContext | bool = access.api.startswith("https://")
        self._http = httpx.Client(
            base_url=access.api,
            headers={"Authorization": f"Bearer {access.token}"},
            timeout=PATIENCE,
            trust_env=False,
            verify=verify,
        )

    def close(self) -> None:
        """Close the connections; requests under way in other threads fail."""
        self._http.close()

    def claim(self, path: str) -> dict[str, object]:
        """Take what this process was started for; exactly one process ever can.

        The token it came with is good for that alone: it may have lain where others can read it. The one this process
        chooses for all that follows also tells the hub side who asks when it asks again, after an answer that was lost.
        """
        token = secrets.token_urlsafe(32)
        answer = self.post(path, {"token": token})
        self._http.headers["Authorization"] = f"Bearer {token}"
        return answer

    def speak_as(self, other: HubClient) -> None:
        """Use the token that another client has by now."""
        self._http.headers["Authorization"] = other._http.headers["Authorization"]

    def use_request_id(self, request_id: str) -> None:
        """Send `X-Request-Id` with every later request."""
        self._http.headers["X-Request-Id"] = request_id

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, object]:
        """POST a JSON body and return the JSON object of the answer, {} when there is none."""

        def read(answer: httpx.Response) -> dict[str, object]:
            content = answer.read()
            return cast(dict[str, object], json.loads(content)) if content else {}

        return self._try_until_answered("POST", path, read, content=json.dumps(body).encode(), kind="application/json")

    def put(self, path: str, content: bytes, kind: str) -> None:
        """PUT raw bytes of the media type `kind`."""
        self._try_until_answered("PUT", path, lambda answer: None, content=content, kind=kind)

    def download(self, path: str, keep: Callable[[Iterator[bytes]], T]) -> T:
        """GET a body in pieces. `keep` starts anew with a new iterator when the connection broke in between."""
        return self._try_until_answered("GET", path, lambda answer: keep(answer.iter_bytes(PIECE)))

    def _try_until_answered(
        self, method: str, path: str, read: Callable[[httpx.Response], T], content: bytes | None = None, kind: str = ""
    ) -> T:
        pause = FIRST_PAUSE
        headers = {"Content-Type": kind} if kind else {}
        while True:
            try:
                with self._http.stream(method, path, content=content, headers=headers) as answer:
                    if answer.is_success:
                        return read(answer)
                    if answer.status_code < 500:
                        raise _refusal(method, path, answer)
            except httpx.TransportError:
                pass  # the hub side is away or restarting: it comes back
            if self.gave_up.wait(pause * random.uniform(0.7, 1.3)):
                raise GaveUpError(f"{method} {path}: told to stop before the hub side answered")
            pause = min(pause * 2, LONGEST_PAUSE)


def _refusal(method: str, path: str, answer: httpx.Response) -> Exception:
    reason = answer.reason_phrase
    try:
        problem = json.loads(answer.read())
        reason = " ".join(str(problem[key]) for key in ("detail", "hint") if problem.get(key)) or reason
    except (ValueError, AttributeError):
        pass  # not a problem document: the status says enough
    message = f"{method} {path} was answered {answer.status_code}: {reason}"
    return NotWantedError(message) if answer.status_code in NOT_WANTED else RefusedError(message)
