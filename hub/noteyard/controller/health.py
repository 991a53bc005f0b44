"""The controller's two addresses: `/live` for who restarts it, everything else is its metrics."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import make_wsgi_app
from prometheus_client.exposition import ThreadingWSGIServer

PATIENCE_SECONDS = 120.0
"""Many times what a try for the lease takes at most, with a database that says nothing."""


class Pulse:
    """When this process last tried for its lease, whatever came of it: the loop and its threads work."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    def beat(self) -> None:
        self._last = self._clock()

    def problem(self) -> str | None:
        """What is wrong; None when all is well."""
        silent = self._clock() - self._last
        if silent < PATIENCE_SECONDS:
            return None
        return f"The controller has not tried for its lease for {silent:.0f} s: it hangs, and must be started again."


def serve_health(pulse: Pulse, address: str, port: int) -> int:
    """Answer in a thread of its own, which goes on when the loop hangs; returns the port."""
    metrics = make_wsgi_app()

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/live":
            found: Iterable[bytes] = metrics(environ, start_response)
            return found
        problem = pulse.problem()
        start_response("503 Service Unavailable" if problem else "200 OK", [("Content-Type", "text/plain")])
        return [f"{problem or 'ok'}\n".encode()]

    server = make_server(address, port, answer, ThreadingWSGIServer, _Quiet)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return server.server_port


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        return None
