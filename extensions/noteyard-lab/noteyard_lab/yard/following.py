"""Following a run by server-sent events until it is over, through restarts of the server and of the network."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from noteyard_lab.yard.api import Api, Json, segment
from noteyard_lab.yard.errors import ExitCode, YardError

if TYPE_CHECKING:
    from httpx_sse import ServerSentEvent

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
PATIENCE = 600.0  # seconds of tries that all fail
SILENCE = 45.0  # seconds; the server sends a comment every 15


@dataclass(frozen=True)
class Change:
    """What happened: `run` with the run as it is now, `log` with new text, `end` when nothing more will come."""

    kind: Literal["run", "log", "end"]
    run: Json | None = None
    text: str = ""


def follow(api: Api, run: str, *, patience: float = PATIENCE) -> Iterator[Change]:
    """The changes of a run, from now to its end, the log from its beginning, each piece once.

    A broken connection is made again where it broke. Raises YardError when the server refuses, or could not be reached
    for `patience` seconds, counted from the first failure.
    """
    seen = _Seen()
    last_id = ""
    pause = FIRST_PAUSE
    failing_since: float | None = None
    while True:
        try:
            for event in _connection(api, run, last_id):
                failing_since = None
                if event is None:
                    continue
                pause = FIRST_PAUSE
                last_id = event.id or last_id
                change = seen.change(event)
                if change is not None:
                    yield change
                    if change.kind == "end":
                        return
        except YardError as error:
            if error.code is not ExitCode.UNREACHABLE:
                raise
            moment = time.monotonic()
            failing_since = moment if failing_since is None else failing_since
            if moment - failing_since > patience:
                error.hint = f"The run goes on without yard: `yard show {run}` tells how it is, once that works again."
                raise
        time.sleep(pause * random.uniform(0.7, 1.3))
        pause = min(pause * 2, LONGEST_PAUSE)


def _connection(api: Api, run: str, last_id: str) -> Iterator[ServerSentEvent | None]:
    """None once the server has answered, since a quiet run has no event for long; then the events."""
    import httpx
    from httpx_sse import EventSource, SSEError

    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    if last_id:
        headers["Last-Event-ID"] = last_id
    silence = httpx.Timeout(60.0, connect=10.0, read=SILENCE)
    try:
        with api.stream("GET", f"/runs/{segment(run)}/events", headers=headers, timeout=silence) as answer:
            yield None
            yield from EventSource(answer).iter_sse()
    except SSEError:
        raise YardError(f"{api.url} does not send a run's events.", "Check NOTEYARD_URL.") from None
    except httpx.TransportError as error:
        raise YardError(f"The connection to {api.url} broke: {error}.", code=ExitCode.UNREACHABLE) from None


class _Seen:
    """How much of which attempt's log was given out, so that what is sent twice is shown once."""

    def __init__(self) -> None:
        self.attempt: object = None
        self.end = 0

    def change(self, event: ServerSentEvent) -> Change | None:
        match event.event:
            case "run" | "end":
                return Change("run" if event.event == "run" else "end", run=event.json() if event.data else None)
            case "log":
                return self._log(event.json())
        return None

    def _log(self, data: Json) -> Change | None:
        if data.get("attempt") != self.attempt:
            self.attempt, self.end = data.get("attempt"), 0
        known = max(0, self.end - int(data["offset"]))
        text = str(data["text"])[known:]
        self.end = max(self.end, int(data["offset"]) + len(str(data["text"])))
        return Change("log", text=text) if text else None
