"""A small Noteyard for tests of `yard`: the REST contract over HTTP, with runs that go as a test scripts them.

It answers with the API's own models, problem documents, parameter schemas and cron rules; what it lacks is a
database, a hub and a controller, so that a test can break connections and fail runs at will.
"""

import asyncio
import hashlib
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse
from noteyard.api import problems
from noteyard.api.models import OutputModel, Page, RunModel
from noteyard.errors import NotFound
from noteyard.hub_client import NotLoggedIn
from noteyard.parameters import coerce_query, schema_from_notebook, validate
from sse_starlette.sse import EventSourceResponse, ServerSentEvent

from tests.integration.yard_published import add_dashboards, add_schedules
from tests.integration.yard_state import BREAK, CRASH, HOLD, TOKEN, YardServer


@contextmanager
def running(server: YardServer) -> Iterator[YardServer]:
    """Serve on a free port of 127.0.0.1 until the block ends."""
    config = uvicorn.Config(
        make_app(server), host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=1
    )
    inner = uvicorn.Server(config)
    thread = threading.Thread(target=inner.run, daemon=True)
    thread.start()
    deadline = datetime.now(UTC) + timedelta(seconds=20)
    while not (inner.started and inner.servers):
        assert thread.is_alive() and datetime.now(UTC) < deadline, "the test's server did not start"
        thread.join(0.01)
    server.port = inner.servers[0].sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.go_on.set()
        inner.should_exit = True
        thread.join(10)


def make_app(server: YardServer) -> FastAPI:
    app = FastAPI()
    problems.install(app)

    @app.middleware("http")
    async def note(request: Request, call_next: Any) -> Response:
        server.requests.append((request.method, request.url.path))
        if request.url.path.startswith("/api/") and request.headers.get("authorization") != f"Bearer {TOKEN}":
            return problems.problem(request, NotLoggedIn("The token is not known."))
        answer: Response = await call_next(request)
        return answer

    @app.get("/elsewhere/api/v1/{path:path}")
    def some_page(path: str) -> HTMLResponse:
        return HTMLResponse("<h1>Some other page</h1>")

    @app.get("/moved/api/v1/{path:path}")
    def moved(path: str) -> RedirectResponse:
        return RedirectResponse("http://other.example/login")

    _releases(app, server)
    _runs(app, server)
    add_schedules(app, server)
    add_dashboards(app, server)
    return app


def _releases(app: FastAPI, server: YardServer) -> None:
    @app.post("/api/v1/parameters/inspect")
    async def inspect(body: dict[str, Any]) -> dict[str, Any]:
        schema = schema_from_notebook(body["notebook"])
        texts = [(name, text) for name, text in body["texts"]]
        notes = [{"line": note.line, "message": note.message} for note in schema.notes]
        return {
            "schema": schema.json_schema,
            "notes": notes,
            "values": coerce_query(schema.json_schema, texts),
            "outputs": None,
        }

    @app.post("/api/v1/releases", status_code=201)
    async def release(request: Request) -> dict[str, Any]:
        async with request.form() as form:
            manifest = json.loads(str(form["manifest"]))
            sent = {item.filename: await item.read() for item in form.getlist("file")}  # type: ignore[union-attr]
        for item in manifest["files"]:
            content = sent.pop(item["path"])
            assert (item["sha256"], item["size"]) == (hashlib.sha256(content).hexdigest(), len(content))
            server.contents[item["path"]] = content
        assert not sent, f"files that the manifest does not name: {list(sent)}"
        schema = schema_from_notebook(json.loads(server.contents[manifest["notebook"]]))
        id = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
        notes = [{"line": note.line, "message": note.message} for note in schema.notes]
        server.releases[id] = {"id": id, **manifest, "schema": schema.json_schema, "notes": notes}
        return server.releases[id]


def _runs(app: FastAPI, server: YardServer) -> None:
    def run_of(id: str) -> dict[str, Any]:
        if id not in server.runs:
            raise NotFound(f"There is no run {id!r}.", "See your runs with `yard runs` or in the portal.")
        return server.runs[id]

    @app.post("/api/v1/runs", status_code=201)
    async def create(body: dict[str, Any]) -> RunModel:
        release = server.releases[body["release"]]
        validate(release["schema"], body["parameters"])
        server.add_run(f"r{len(server.runs) + 1}", **{**body, "notebook": release["notebook"]})
        return RunModel(**server.runs[f"r{len(server.runs)}"])

    @app.get("/api/v1/runs")
    async def list_all(
        limit: int, cursor: int = 0, state: str | None = None, owner: str | None = None
    ) -> Page[RunModel]:
        found = [run for run in server.runs.values() if state in (None, run["state"]) and owner in (None, run["owner"])]
        more = str(cursor + limit) if cursor + limit < len(found) else None
        return Page(items=[RunModel(**run) for run in found[cursor : cursor + limit]], next=more)

    @app.get("/api/v1/runs/{id}")
    async def show(id: str) -> RunModel:
        return RunModel(**run_of(id))

    @app.post("/api/v1/runs/{id}/cancel")
    async def cancel(id: str) -> RunModel:
        run_of(id)["stopping"] = True
        return RunModel(**run_of(id))

    @app.get("/api/v1/runs/{id}/log")
    async def log(id: str) -> PlainTextResponse:
        run_of(id)
        return PlainTextResponse(server.log)

    @app.get("/api/v1/runs/{id}/events")
    async def events(id: str, request: Request) -> EventSourceResponse:
        last = request.headers.get("last-event-id", "")
        server.followed_from.append(last)
        return EventSourceResponse(_events(server, run_of(id), int(last or 0)), ping=15)

    @app.get("/api/v1/runs/{id}/outputs")
    async def outputs(id: str) -> list[OutputModel]:
        run_of(id)
        return [OutputModel(name=name, size=len(body), url="") for name, body in server.outputs.items()]

    @app.get("/api/v1/runs/{id}/outputs/{name:path}")
    async def output(id: str, name: str) -> Response:
        return Response(server.outputs[name])


async def _events(server: YardServer, run: dict[str, Any], position: int) -> AsyncIterator[ServerSentEvent]:
    for number, step in enumerate(server.events[position:], start=position + 1):
        if step in (BREAK, CRASH):
            server.events[number - 1] = ("comment", {})
            if step == CRASH:
                raise ConnectionResetError("as the test wants it")
            return
        if step == HOLD:
            server.holding.set()
            await asyncio.to_thread(server.go_on.wait, 60)
            continue
        assert not isinstance(step, str)
        kind, data = step
        if kind == "run":
            run |= data
        body = run if kind in ("run", "end") else data
        yield ServerSentEvent(json.dumps(body), event=kind, id=str(number))
