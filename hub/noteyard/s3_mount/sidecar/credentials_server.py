"""Serves the credentials on loopback to boto3, s3fs, pyarrow, rclone and others, as AWS's container credentials."""

import hmac
import json
import os
import secrets
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from noteyard.s3_mount.sidecar.credentials_broker import ask
from noteyard.s3_mount.sidecar.credentials_keeper import Keeper, NoCredentials
from noteyard.s3_mount.sidecar.credentials_options import CredentialsOptions

PATH = "/credentials"
IDLE_SECONDS = 60


def serve_credentials(options: CredentialsOptions) -> "CredentialsServer":
    """Serve from now on, in threads; credentials are asked for at once. Raises OSError when the port is taken."""
    authorization = _authorization(options.authorization)
    keeper = Keeper(lambda: ask(options))
    server = CredentialsServer(("127.0.0.1", options.port), keeper, authorization)
    keeper.start()
    threading.Thread(target=server.serve_forever, name="credentials server", daemon=True).start()
    return server


class CredentialsServer(ThreadingHTTPServer):
    """`server_port` tells where it is, `keeper` what it has."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], keeper: Keeper, authorization: str) -> None:
        super().__init__(address, _Handler)
        self.keeper = keeper
        self.authorization = authorization.encode()


class _Handler(BaseHTTPRequestHandler):
    server: CredentialsServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "noteyard", ""
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        shown = self.headers.get("Authorization", "").encode("latin-1")
        if not hmac.compare_digest(shown, self.server.authorization):
            said = "Show what is in the file that AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names."
            self._answer(401, {"code": "Unauthorized", "message": said})
        elif self.path != PATH:
            self._answer(404, {"code": "NotFound", "message": f"There is {PATH} only."})
        else:
            self._give()

    def _give(self) -> None:
        try:
            self._answer(200, self.server.keeper.current().document())
        except NoCredentials as error:
            status, code = (403, "AccessDenied") if error.refused else (503, "ServiceUnavailable")
            self._answer(status, {"code": code, "message": str(error)})

    def _answer(self, status: int, document: dict[str, str]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Not every look at the credentials is worth a line."""


def _authorization(path: Path) -> str:
    """What clients show: of the file when the sidecar was here before, else made now."""
    try:
        return path.read_text()
    except FileNotFoundError:
        pass
    made = secrets.token_urlsafe(32)
    descriptor, unfinished = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w") as file:
        # No line's end: clients send the file as it is, in a header.
        file.write(made)
        os.fchmod(descriptor, 0o440)
    Path(unfinished).rename(path)
    return made
