"""A run's progress as server-sent events, read from the database: any api process can serve any run."""

import asyncio
from collections.abc import AsyncIterator

from fastapi import Request
from pydantic import BaseModel
from sse_starlette.event import ServerSentEvent

from noteyard.api.run_access import run_model
from noteyard.domain import FINAL
from noteyard.store import Database
from noteyard.store.attempts import log_text
from noteyard.store.runs import get_run
from noteyard.urls import PublicUrls

POLL_SECONDS = 0.4
CHUNK = 64 * 1024


class LogEvent(BaseModel):
    """A piece of an attempt's log; `offset` in characters."""

    attempt: int
    offset: int
    text: str


async def run_events(id: str, request: Request, database: Database, urls: PublicUrls) -> AsyncIterator[ServerSentEvent]:
    """Events of a run until it is over. A client that comes back with Last-Event-ID goes on where it was."""
    number, offset = _position(request.headers.get("last-event-id", ""))
    last = ""
    while True:
        attempt, text, model, final = await asyncio.to_thread(_look, database, urls, id, (number, offset))
        if attempt != number:
            number, offset = attempt, 0
            continue
        if model != last:
            last = model
            yield ServerSentEvent(model, event="run", id=f"{number}.{offset}")
        for start in range(0, len(text), CHUNK):
            piece = text[start : start + CHUNK]
            data = _log_json(number, offset, piece)
            offset += len(piece)
            yield ServerSentEvent(data, event="log", id=f"{number}.{offset}")
        if final:
            yield ServerSentEvent(model, event="end", id=f"{number}.{offset}")
            return
        await asyncio.sleep(POLL_SECONDS)


def _look(database: Database, urls: PublicUrls, id: str, position: tuple[int, int]) -> tuple[int, str, str, bool]:
    with database.read() as session:
        run = get_run(session, id)
        number, offset = position
        text = log_text(session, id, number, offset) if run.attempt == number else ""
        return run.attempt, text, run_model(session, run, urls).model_dump_json(), run.state in FINAL


def _position(header: str) -> tuple[int, int]:
    number, _, offset = header.partition(".")
    return (int(number), int(offset)) if number.isdigit() and offset.isdigit() else (0, 0)


def _log_json(number: int, offset: int, text: str) -> str:
    return LogEvent(attempt=number, offset=offset, text=text).model_dump_json()
