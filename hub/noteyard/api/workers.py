"""The worker's side of the protocol: claim, files, progress, outputs, finish. A token opens one attempt only."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from noteyard.api.bodies import BoundedBody
from noteyard.api.dependencies import Config, Db, Store
from noteyard.api.printed import Printed
from noteyard.api.streams import stored
from noteyard.backends import platform
from noteyard.domain import DataUser, RunState, Target
from noteyard.errors import InvalidParameters, NotFound, not_started
from noteyard.hub_client import NotLoggedIn
from noteyard.objects import blob_key, output_key
from noteyard.run_parameters import rendered_parameters
from noteyard.s3_places import DataIdentity
from noteyard.settings import Settings
from noteyard.store import Database
from noteyard.store.attempts import Ending, Progress, attempt_by_token, attempt_id, claim, report, settle
from noteyard.store.releases import get_release
from noteyard.store.s3_keys import key_for_run, revoke_subject
from noteyard.store.tables import Attempt, Release, Run, Schedule

router = APIRouter(prefix="/internal/v1/attempts/{id}", include_in_schema=False)

INTERRUPTED = {
    "cell": None,
    "name": "Interrupted",
    "message": "The worker was told to end before the run was over, as when Noteyard, its machine or node stops.",
    "traceback": "",
    "hint": "The run begins again by itself.",
}
OUTPUTS = frozenset({"notebook.ipynb", "notebook.html"})
OUTPUT_BYTES = 512 * 1024 * 1024


async def worker_token(request: Request) -> str:
    """The bearer token of a worker or launcher."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer" or not token:
        raise NotLoggedIn("A worker's request carries its token.")
    return token


Token = Annotated[str, Depends(worker_token)]


class ClaimBody(BaseModel):
    """`token` is a secret that the process has just made, by which it speaks from now on.

    The one it came with may have lain where others can read it. And a process is known by it when it asks again,
    because the answer to its claim was lost.
    """

    token: str = Field(min_length=40, max_length=100)


class ProgressBody(BaseModel):
    cell: int | None
    cells_done: int = Field(ge=0)
    cells: int = Field(ge=0)
    log_offset: int = Field(default=0, ge=0)
    log: Printed = ""


class ErrorBody(BaseModel):
    cell: int | None
    name: Printed
    message: Printed
    traceback: Printed
    hint: Printed | None = None


class FinishBody(BaseModel):
    outcome: Literal["succeeded", "failed", "timed_out", "stopped"]
    error: ErrorBody | None = None
    cells_done: int | None = None
    cells: int | None = None


@router.post("/claim")
def claim_attempt(id: str, body: ClaimBody, token: Token, database: Db, settings: Config) -> dict[str, Any]:
    with database.write() as session:
        run, attempt = claim(session, id, token, body.token)
        release = get_release(session, run.release)
        schedule = session.get(Schedule, run.schedule) if run.schedule else None
        try:
            parameters = rendered_parameters(run, attempt.number, release.schema, schedule)
        except InvalidParameters as error:
            # They were good at the fire. Since then a time zone went, or `attempt` came out of bounds at a retry.
            settle(session, run, attempt, Ending(RunState.FAILED, not_started(error)), settings.runs)
            refused = error
        else:
            return _work(session, run, release, parameters, settings)
    raise refused


def _work(
    session: Session, run: Run, release: Release, parameters: dict[str, Any], settings: Settings
) -> dict[str, Any]:
    id = attempt_id(run.id, run.attempt)
    identity = DataIdentity(DataUser.RUN, run.owner, id)
    data = platform(settings).data_environment(identity, lambda: key_for_run(session, run))
    return {
        "run": run.id,
        "number": run.attempt,
        "notebook": release.notebook,
        "files": release.files,
        "parameters": parameters,
        "schema": release.schema,
        "environment": {
            **data,
            "NOTEYARD_RUN": run.id,
            "NOTEYARD_ATTEMPT": str(run.attempt),
            "NOTEYARD_USER": run.owner,
        },
        "timeout": run.timeout,
        "kernel_name": None,
        "log_limit": settings.runs.log_limit_kb * 1024,
        "output_limit": settings.runs.output_limit_kb * 1024,
        "assets_url": "/_assets/",
        "request_id": run.request_id,
    }


@router.get("/files/{sha256}")
async def file(id: str, sha256: str, token: Token, database: Db, objects: Store) -> StreamingResponse:
    if sha256 not in await asyncio.to_thread(_files, database, id, token):
        raise NotFound("The release has no such file.")
    return await stored(objects, blob_key(sha256), "application/octet-stream")


@router.post("/progress")
def progress(id: str, body: ProgressBody, token: Token, database: Db) -> dict[str, bool]:
    with database.write() as session:
        run, attempt = attempt_by_token(session, id, token)
        stop = report(session, run, attempt, Progress(**body.model_dump()))
    return {"stop": stop}


@router.put("/outputs/{name}", status_code=204)
async def output(id: str, name: str, request: Request, token: Token, database: Db, objects: Store) -> None:
    if name not in OUTPUTS:
        raise NotFound(f"A run has no output {name!r}.")
    run, number = await asyncio.to_thread(_attempt, database, id, token)
    body = BoundedBody(request, OUTPUT_BYTES)
    await objects.put_async(output_key(run, number, name), body.stream())
    await asyncio.to_thread(_note_output, database, (run, number), name, body.size)


@router.post("/finish")
async def finish(id: str, body: FinishBody, token: Token, database: Db, settings: Config) -> dict[str, str]:
    return await asyncio.to_thread(_finish, id, body, token, database, settings)


def _files(database: Database, id: str, token: str) -> set[str]:
    """SHA-256 of each file of the attempt's release."""
    with database.read() as session:
        run, _ = attempt_by_token(session, id, token)
        return {item["sha256"] for item in get_release(session, run.release).files}


def _attempt(database: Database, id: str, token: str) -> tuple[str, int]:
    with database.read() as session:
        run, attempt = attempt_by_token(session, id, token)
        return run.id, attempt.number


def _finish(id: str, body: FinishBody, token: str, database: Db, settings: Config) -> dict[str, str]:
    with database.write() as session:
        run, attempt = attempt_by_token(session, id, token)
        settle(session, run, attempt, _ending(run, attempt, body), settings.runs)
        attempt.outcome = attempt.outcome or body.outcome
        if run.attempt == attempt.number:  # a report that comes late leaves the next attempt its key
            revoke_subject(session, "run", run.id)
        return {"state": run.state}


def _ending(run: Run, attempt: Attempt, body: FinishBody) -> Ending:
    state = {
        "succeeded": RunState.SUCCEEDED,
        "failed": RunState.FAILED,
        "timed_out": RunState.TIMED_OUT,
        "stopped": RunState.CANCELLED if run.target is Target.CANCEL else RunState.INTERRUPTED,
    }[body.outcome]
    error = body.error.model_dump() if body.error else INTERRUPTED if state is RunState.INTERRUPTED else None
    return Ending(state, error, body.cells_done, body.cells)


def _note_output(database: Db, key: tuple[str, int], name: str, size: int) -> None:
    with database.write() as session:
        attempt = session.get_one(Attempt, key, with_for_update=True)
        attempt.outputs = [*(item for item in attempt.outputs if item["name"] != name), {"name": name, "size": size}]
