"""Runs: start, list, look, follow, cancel, run again, outputs."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, StreamingResponse
from sse_starlette.sse import EventSourceResponse

from noteyard.access import Action, may_administer
from noteyard.api.dependencies import Config, Db, RequestId, Store, Urls
from noteyard.api.identity import Asking
from noteyard.api.models import OutputModel, Page, RerunRequest, RunModel, RunRequest
from noteyard.api.problems import RESPONSES
from noteyard.api.releases import runnable_release
from noteyard.api.run_access import latest_attempt, read_as_administrator, run_for, run_model, run_models
from noteyard.api.run_events import POSITION, run_events
from noteyard.api.streams import answers, stored
from noteyard.domain import Person, RunState
from noteyard.errors import NotFound
from noteyard.objects import output_key
from noteyard.parameters import validate
from noteyard.run_parameters import rendered_parameters
from noteyard.settings import Settings
from noteyard.store import Database
from noteyard.store.attempts import log_text
from noteyard.store.audit import record
from noteyard.store.runs import NewRun, RunFilter, cancel_run, create_run, list_runs
from noteyard.store.schedules import shared_things
from noteyard.store.tables import Schedule

After = Annotated[
    str,
    Query(pattern=f"^{POSITION}$", description="The last event's id, from a client that can't send `Last-Event-ID`."),
]

router = APIRouter(prefix="/api/v1/runs", tags=["runs"], responses=RESPONSES)  # type: ignore[arg-type]


@router.post("", status_code=201)
def create(
    body: RunRequest, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId
) -> RunModel:
    """Queue a run of a release with parameters."""
    with database.write() as session:
        release = runnable_release(session, body.release, asking, settings)
        validate(release.schema, body.parameters)
        new = NewRun(
            release,
            asking.name,
            dict(body.parameters),
            timeout=body.timeout or settings.runs.timeout_seconds,
            retries=body.retries,
            request_id=request_id,
        )
        return run_model(session, create_run(session, new), urls)


@router.get("")
def list_all(
    asking: Asking,
    database: Db,
    urls: Urls,
    state: Annotated[list[RunState] | None, Query()] = None,
    owner: str | None = None,
    schedule: str | None = None,
    notebook: str | None = None,
    release: str | None = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[RunModel]:
    """Runs you may see, newest first; administrators see everybody's."""
    with database.read() as session:
        everybody = may_administer(asking)
        wanted = RunFilter(
            None if everybody else asking.name,
            () if everybody else tuple(shared_things(session, "schedule", asking)),
            tuple(state or ()),
            owner,
            schedule,
            notebook,
            release,
            cursor,
            limit,
        )
        found = list_runs(session, wanted)
        items = run_models(session, found[:limit], urls)
    return Page(items=items, next=items[-1].id if len(found) > limit else None)


@router.get("/{id}")
def show(id: str, asking: Asking, database: Db, settings: Config, urls: Urls) -> RunModel:
    """One run."""
    with database.read() as session:
        return run_model(session, run_for(session, id, asking, Action.LIST, settings), urls)


@router.post("/{id}/cancel")
def cancel(id: str, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId) -> RunModel:
    """Want the run stopped: it saves what it has, then ends. Repeating it changes nothing."""
    with database.write() as session:
        run_for(session, id, asking, Action.STOP, settings)
        run = cancel_run(session, id)
        record(session, asking.name, "run.cancel", id, {"owner": run.owner}, request_id)
        return run_model(session, run, urls)


@router.post("/{id}/rerun", status_code=201)
def rerun(
    id: str, body: RerunRequest, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId
) -> RunModel:
    """Run the same release again, with the same or other parameters."""
    with database.write() as session:
        run = run_for(session, id, asking, Action.RUN, settings)
        release = runnable_release(session, run.release, asking, settings)
        schedule = session.get(Schedule, run.schedule) if run.schedule else None
        values = body.parameters
        if values is None:
            values = rendered_parameters(run, run.attempt, release.schema, schedule)
        validate(release.schema, values)
        new = NewRun(
            release,
            asking.name,
            values,
            timeout=run.timeout,
            retries=run.retries,
            rerun_of=run.id,
            request_id=request_id,
        )
        return run_model(session, create_run(session, new), urls)


@router.get("/{id}/log", response_class=PlainTextResponse)
def log(id: str, asking: Asking, database: Db, settings: Config, attempt: int | None = None) -> str:
    """The log of the newest attempt, or of the one asked for."""
    with database.read() as session:
        run = run_for(session, id, asking, Action.LIST, settings)
        return log_text(session, run.id, attempt or run.attempt)


@router.get(
    "/{id}/events",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def events(
    id: str, request: Request, asking: Asking, database: Db, settings: Config, after: After = ""
) -> EventSourceResponse:
    """Server-sent events until the run is over: `run` (the run, on change), `log` (offset, text), `end`."""
    await asyncio.to_thread(_seen, database, id, asking, settings)
    position = request.headers.get("last-event-id", after)
    return EventSourceResponse(run_events(id, request, database, position), ping=15)


@router.get("/{id}/outputs")
def outputs(id: str, asking: Asking, database: Db, settings: Config, urls: Urls) -> list[OutputModel]:
    """The output notebook and its HTML."""
    with database.read() as session:
        run = run_for(session, id, asking, Action.READ, settings)
        attempt = latest_attempt(session, run)
        items: list[Any] = attempt.outputs if attempt is not None and run.expired is None else []
    base = f"{urls.hub}/api/v1/runs/{id}/outputs"
    return [OutputModel(name=item["name"], size=item["size"], url=f"{base}/{item['name']}") for item in items]


@router.get(
    "/{id}/outputs/{name}",
    response_class=StreamingResponse,
    responses=answers("text/html", "application/x-ipynb+json"),
)
async def output(
    id: str, name: str, asking: Asking, database: Db, settings: Config, objects: Store, request_id: RequestId
) -> StreamingResponse:
    """An output's bytes."""

    def found() -> str:
        with database.write() as session:
            run = run_for(session, id, asking, Action.READ, settings)
            attempt = latest_attempt(session, run)
            names = {item["name"] for item in attempt.outputs} if attempt is not None and run.expired is None else set()
            read_as_administrator(session, run, asking, name, request_id)
        if attempt is None or name not in names:
            words = "its outputs have expired" if run.expired else f"it has no output {name!r}"
            raise NotFound(f"Run {id}: {words}.")
        return output_key(run.id, attempt.number, name)

    media = "text/html" if name.endswith(".html") else "application/x-ipynb+json"
    return await stored(objects, await asyncio.to_thread(found), media)


def _seen(database: Database, id: str, person: Person, settings: Settings) -> None:
    with database.read() as session:
        run_for(session, id, person, Action.LIST, settings)
