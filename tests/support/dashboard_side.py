"""The hub side and the edge of one dashboard, for tests of the launcher: real HTTP, in a thread of the test.

The hub side speaks the launcher's protocol. The edge serves the shell page, the last rendering and the assets on one
host, and passes everything below /live/ on to the launcher, with a viewer token that it signs itself: the viewer is
who the cookie `viewer` says ("ada", "grace", absent: anonymous), the session is the cookie `sid`.
"""

import asyncio
import hashlib
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import jwt
import uvicorn
import websockets
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket, WebSocketDisconnect

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "hub" / "noteyard" / "api" / "static"
TOKEN = "secret-token-of-the-launcher"
WORKLOAD = "d4k2m9x0q1ab.1.1"
DASHBOARD = "d4k2m9x0q1ab"
GROUPS = {"ada": ["analysts"], "grace": ["analysts", "admirals"]}
V1 = "v1.kernel.websocket.jupyter.org"
PASSED_ON = ("origin", "accept", "sec-fetch-site", "sec-fetch-dest", "sec-fetch-mode", "if-none-match", "content-type")

SHELL = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="/portal/static/dashboard_shell.css">
<script src="/portal/static/dashboard_shell.js" defer></script></head>
<body class="ny-shell" data-rendered="2026-11-22T21:54:00Z">
<header class="ny-bar"><a class="ny-home" href="/">Dashboards</a><h1 class="ny-title">{title}</h1>
<p class="ny-state" id="state" role="status" data-state="rendering">Showing the last rendering</p>
<button class="ny-action" id="action" type="button" hidden></button></header>
<main class="ny-stage" id="stage"><iframe id="rendering" class="ny-frame" title="Last rendering of {title}"
 sandbox="allow-scripts" src="/.noteyard/rendering"></iframe></main></body></html>"""


class Signer:
    """Viewer tokens, good ones and every kind of bad one."""

    def __init__(self) -> None:
        self._key = Ed25519PrivateKey.generate()

    @property
    def public_pem(self) -> str:
        public = self._key.public_key()
        return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    def token(self, sid: str = "sid-of-ada", name: str = "ada", **changed: Any) -> str:
        """A token for this viewer; `changed` replaces claims, and removes those that are None."""
        claims = {
            "iss": "noteyard",
            "aud": DASHBOARD,
            "exp": int(time.time()) + 60,
            "sub": name,
            "sid": sid,
            "name": name.title(),
            "groups": GROUPS.get(name, []),
            **changed,
        }
        kept = {key: value for key, value in claims.items() if value is not None}
        return jwt.encode(kept, self._key, algorithm="EdDSA")


@dataclass
class DashboardSide:
    """What the launcher is told, and what it has told; see `dashboard_side`."""

    claim: dict[str, Any]
    files: dict[str, bytes]
    signer: Signer = field(default_factory=Signer)
    port: int = 0
    claims: int = 0
    refuse_with: int | None = None
    stop: bool = False
    rendering: dict[str, bytes] = field(default_factory=dict)
    reports: list[dict[str, Any]] = field(default_factory=list)
    request_ids: set[str] = field(default_factory=set)
    state_override: dict[str, Any] | None = None

    @property
    def access_line(self) -> str:
        return json.dumps({"api": f"http://127.0.0.1:{self.port}/internal/v1", "workload": WORKLOAD, "token": TOKEN})

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def report(self) -> dict[str, Any]:
        """The latest status; {} before the first."""
        return self.reports[-1] if self.reports else {}

    @property
    def live_port(self) -> int | None:
        return self.report.get("port")


def claim_for(folder: Path, notebook: str, signer: Signer, **changed: Any) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The claim's answer for the files of a folder, and their contents by digest."""
    contents, files = {}, []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            contents[digest] = content
            files.append({"path": str(path.relative_to(folder)), "sha256": digest, "size": len(content)})
    claim = {
        "dashboard": DASHBOARD,
        "title": "Sales in the north",
        "notebook": notebook,
        "files": files,
        "schema": {"type": "object", "properties": {}},
        "parameters": {},
        "environment": {"NOTEYARD_DASHBOARD": "sales"},
        "kernel_name": None,
        "public_key": signer.public_pem,
        "audience": DASHBOARD,
        "base_url": "/live/",
        "assets_url": "/_assets/",
        "bind": "127.0.0.1:0",
        "reads_viewer": False,
        "render": False,
        "preheat": 1,
        "sessions_max": 5,
        "session_idle_seconds": 600,
        "disconnected_seconds": 30,
        "memory_limit": None,
        "request_id": "req-of-the-test",
        **changed,
    }
    return claim, contents


@contextmanager
def dashboard_side(side: DashboardSide) -> Iterator[DashboardSide]:
    """Serve the hub side and the edge on one free port of 127.0.0.1."""
    config = uvicorn.Config(
        _application(side), log_level="warning", ws="websockets-sansio", loop="asyncio", timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    side.port = listener.getsockname()[1]
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield side
    finally:
        server.should_exit = True
        thread.join(20)
        listener.close()


def _application(side: DashboardSide) -> Starlette:
    hub = _HubSide(side)
    edge = _Edge(side)
    process = f"/internal/v1/workloads/{WORKLOAD}"

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as edge.client:
            yield

    return Starlette(
        lifespan=lifespan,
        routes=[
            Route(f"{process}/claim", hub.claim, methods=["POST"]),
            Route(f"{process}/files/{{digest}}", hub.file),
            Route(f"{process}/rendering/{{name}}", hub.put_rendering, methods=["PUT"]),
            Route(f"{process}/status", hub.status, methods=["POST"]),
            Route("/", edge.shell),
            Route("/.noteyard/state", edge.state),
            Route("/.noteyard/rendering", edge.rendering),
            Mount("/portal/static", StaticFiles(directory=STATIC)),
            Mount("/_assets", _OpenFiles(directory=STATIC / "vendor", check_dir=False)),
            WebSocketRoute("/live/{path:path}", edge.socket),
            Route("/live/{path:path}", edge.pass_on, methods=["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]),
        ],
    )


class _OpenFiles(StaticFiles):
    async def get_response(self, path: str, scope: Any) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response


class _HubSide:
    def __init__(self, side: DashboardSide) -> None:
        self._side = side
        self._token = TOKEN

    async def claim(self, request: Request) -> Response:
        self._side.claims += 1
        if self._side.claims > 1:
            return JSONResponse({"title": "claimed", "detail": "Another process has it."}, 404)
        answer = self._answer(request, self._side.claim)
        self._token = (await request.json())["token"]
        return answer

    async def file(self, request: Request) -> Response:
        content = self._side.files.get(request.path_params["digest"])
        return Response(content) if content is not None else Response(status_code=404)

    async def put_rendering(self, request: Request) -> Response:
        self._side.rendering[request.path_params["name"]] = await request.body()
        return self._answer(request, {})

    async def status(self, request: Request) -> Response:
        self._side.reports.append(await request.json())
        return self._answer(request, {"stop": self._side.stop})

    def _answer(self, request: Request, body: dict[str, Any]) -> Response:
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return JSONResponse({"title": "unauthorized"}, 401)
        if self._side.refuse_with is not None:
            return JSONResponse({"title": "gone", "detail": "This process is not wanted."}, self._side.refuse_with)
        self._side.request_ids.add(request.headers.get("x-request-id", ""))
        return JSONResponse(body)


class _Edge:
    """Passes requests on as Traefik and ForwardAuth do: without cookies, with a fresh viewer token."""

    def __init__(self, side: DashboardSide) -> None:
        self._side = side
        self.client: httpx.AsyncClient

    async def shell(self, request: Request) -> Response:
        policy = "default-src 'self'; frame-src 'self'; img-src 'self' data:; frame-ancestors 'self'"
        page = SHELL.format(title=self._side.claim["title"])
        return HTMLResponse(page, headers={"Content-Security-Policy": policy})

    async def state(self, request: Request) -> Response:
        if self._side.state_override is not None:
            return JSONResponse(self._side.state_override)
        word = self._side.report.get("state", "starting")
        state = word if word in ("ready", "failed") else "starting"
        return JSONResponse({"state": state, "message": "", "live": state == "ready"})

    async def rendering(self, request: Request) -> Response:
        page = self._side.rendering.get("rendering.html", b"<p>Nothing yet</p>")
        return HTMLResponse(page, headers={"Content-Security-Policy": "sandbox allow-scripts"})

    async def pass_on(self, request: Request) -> Response:
        url = f"http://127.0.0.1:{self._side.live_port}{request.url.path}"
        sent = self.client.build_request(
            request.method,
            url,
            params=request.query_params,
            headers=self._headers(request),
            content=await request.body(),
        )
        answer = await self.client.send(sent, stream=True)
        kept = {
            name: value
            for name, value in answer.headers.items()
            if name not in ("content-length", "transfer-encoding", "connection")
        }

        async def body() -> AsyncIterator[bytes]:
            try:
                async for piece in answer.aiter_raw():
                    yield piece
            finally:
                await answer.aclose()

        return StreamingResponse(body(), answer.status_code, kept)

    async def socket(self, websocket: WebSocket) -> None:
        headers = self._headers(websocket)
        origin = headers.pop("origin", None)
        url = f"ws://{headers.pop('host')}{websocket.url.path}?{websocket.url.query}"
        offered = websocket.scope["subprotocols"] or None
        opening = websockets.connect(
            url,
            host="127.0.0.1",
            port=self._side.live_port,
            additional_headers=headers,
            origin=origin,
            subprotocols=offered,
            max_size=None,
        )
        try:
            async with opening as upstream:
                await websocket.accept(subprotocol=upstream.subprotocol)
                await asyncio.gather(_pump_up(websocket, upstream), _pump_down(websocket, upstream))
        except websockets.InvalidStatus:
            await websocket.close()

    def _headers(self, request: Request | WebSocket) -> dict[str, str]:
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        headers["host"] = request.headers["host"]
        name, sid = request.cookies.get("viewer", ""), request.cookies.get("sid", "sid-of-nobody")
        parameters = _parameters(request) if request.url.path == "/live/" else None
        headers["X-Noteyard-Viewer"] = self._side.signer.token(sid, name, parameters=parameters)
        return headers


def _parameters(request: Request | WebSocket) -> dict[str, Any] | None:
    given = {name: json.loads(value) for name, value in request.query_params.items()}
    return given or None


async def _pump_up(websocket: WebSocket, upstream: Any) -> None:
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                break
            await upstream.send(message.get("bytes") or message.get("text"))
    except (websockets.ConnectionClosed, WebSocketDisconnect, RuntimeError):
        return
    finally:
        await upstream.close()


async def _pump_down(websocket: WebSocket, upstream: Any) -> None:
    try:
        async for message in upstream:
            await (websocket.send_bytes(message) if isinstance(message, bytes) else websocket.send_text(message))
    except websockets.ConnectionClosedError:
        pass  # closed with a code of its own, which is passed on
    except (WebSocketDisconnect, RuntimeError):
        return
    with suppress(RuntimeError):
        code = upstream.close_code
        await websocket.close(1001 if code in (None, 1005, 1006) else code, upstream.close_reason or "")
