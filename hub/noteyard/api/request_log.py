"""One id a request, from the edge to the worker; one log line and one measurement each."""

import re
import time
from typing import Any

import structlog
from prometheus_client import Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from noteyard.names import new_id

log = structlog.get_logger(__name__)

REQUESTS = Counter(
    "noteyard_http_requests_total", "Requests by method, route and status.", ["method", "route", "status"]
)
SECONDS = Histogram("noteyard_http_request_seconds", "Time until the response began.", ["route"])
GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
QUIET = tuple(f"/internal/v1/{name}" for name in ("edge", "health", "live", "metrics", "authz", "s3"))


class RequestLog:
    """ASGI middleware: takes `X-Request-Id` or makes one, answers it, binds it to every log line of the request."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = id
        began = time.perf_counter()
        seen: dict[str, Any] = {"status": 500}

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen["status"], seen["seconds"] = message["status"], time.perf_counter() - began
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", id.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=id):
            try:
                await self.app(scope, receive, note)
            finally:
                _note(scope, seen)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and GIVEN.fullmatch(value.decode("latin-1")):
            return str(value.decode("latin-1"))
    return new_id("q")


def _note(scope: Scope, seen: dict[str, Any]) -> None:
    route = getattr(scope.get("route"), "path", "other")
    seconds = seen.get("seconds", 0.0)
    REQUESTS.labels(scope["method"], route, seen["status"]).inc()
    SECONDS.labels(route).observe(seconds)
    if seen["status"] >= 500 or not str(scope["path"]).startswith(QUIET):
        log.info(
            "request", method=scope["method"], path=scope["path"], status=seen["status"], ms=round(seconds * 1000, 1)
        )
