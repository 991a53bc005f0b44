"""A run's progress as server-sent events, read from the database: any api process can serve any run."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import replace

from fastapi import Request
from pydantic import BaseModel
from sse_starlette.event import ServerSentEvent

from noteyard.access import Action
from noteyard.api.identity import current_person
from noteyard.api.run_access import run_for, run_model
from noteyard.domain import FINAL, Person
from noteyard.errors import NoteyardError, Unavailable
from noteyard.store import Database
from noteyard.store.attempts import log_text
from noteyard.store.people import get_active
from noteyard.store.runs import get_run
from noteyard.urls import PublicUrls

POLL_SECONDS = 0.4
CHECK_SECONDS = 2.0
CHUNK = 64 * 1024
POSITION = r"([0-9]{1,9})\.([0-9]{1,15})"
"""What an event's id is like: the attempt, and how far its log was told, in characters."""


class LogEvent(BaseModel):
    """A piece of an attempt's log; `offset` in characters."""

    attempt: int
    offset: int
    text: str


async def run_events(id: str, request: Request, database: Database, position: str) -> AsyncIterator[ServerSentEvent]:
    """Events of a run until it is over, or whoever asks may not see it any more.

    A client that comes back with the id of its last event goes on where it was, and is told there why it may not.
    """
    number, offset = _position(position)
    urls: PublicUrls = request.app.state.urls
    last = ""
    person, checked = await current_person(request), time.monotonic()
    while True:
        if time.monotonic() - checked > CHECK_SECONDS:
            try:
                person = await _still_allowed(id, request, person)
            except NoteyardError:
                return
            checked = time.monotonic()
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


async def _still_allowed(id: str, request: Request, before: Person) -> Person:
    """Who asks, as they are now; NoteyardError when they may not follow the run any more."""
    try:
        person = await current_person(request)
    except Unavailable:
        # API tokens can't be asked about while the hub is away; the person, their groups and the shares can.
        person = await asyncio.to_thread(_present, request, before)
    await asyncio.to_thread(_check, id, request, person)
    return person


def _present(request: Request, before: Person) -> Person:
    with request.app.state.database.read() as session:
        return replace(get_active(session, before.name), scopes=before.scopes)


def _check(id: str, request: Request, person: Person) -> None:
    with request.app.state.database.read() as session:
        run_for(session, id, person, Action.LIST, request.app.state.settings)


def _look(database: Database, urls: PublicUrls, id: str, position: tuple[int, int]) -> tuple[int, str, str, bool]:
    with database.read() as session:
        run = get_run(session, id)
        number, offset = position
        text = log_text(session, id, number, offset) if run.attempt == number else ""
        return run.attempt, text, run_model(session, run, urls).model_dump_json(), run.state in FINAL


def _position(event: str) -> tuple[int, int]:
    found = re.fullmatch(POSITION, event)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _log_json(number: int, offset: int, text: str) -> str:
    return LogEvent(attempt=number, offset=offset, text=text).model_dump_json()
