"""For the kubelet's probes: /live while the driver works, /ready once pods can have volumes."""

import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Problem = Callable[[], str | None]
"""Says what is wrong; None when all is well."""


def serve_health(port: int, live: Problem, ready: Problem) -> None:
    """Answer 200, or 503 with the problem, in a thread of its own."""
    checks = {"/live": live, "/ready": ready}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            check = checks.get(self.path)
            problem = "there are /live and /ready" if check is None else check()
            body = f"{problem or 'ok'}\n".encode()
            self.send_response(404 if check is None else 503 if problem else 200)
            self.send_header("Content-Length", str(len(body)))
            with suppress(ConnectionError):  # a probe that waits no longer
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            return None

    server = ThreadingHTTPServer(("", port), Handler)
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
