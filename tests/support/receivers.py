"""Real receivers of alerts: an SMTP server and an HTTP server, on free ports of 127.0.0.1."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.support.ports import free_port


@dataclass
class MailServer:
    """`refuse` maps a recipient to the answer it gets; accepted ones are in `mails`. `login`: needed name, password."""

    port: int = field(default_factory=free_port)
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    refuse: dict[str, str] = field(default_factory=dict)
    login: tuple[str, str] | None = None

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        mail = BytesParser(EmailMessage, policy=default).parsebytes(envelope.content)
        self.mails.append((list(envelope.rcpt_tos), mail))
        return "250 OK"

    @contextmanager
    def serving(self, tls: ssl.SSLContext | None = None) -> Iterator["MailServer"]:
        """Serve while the block lasts; with `tls`, mail is taken after STARTTLS alone."""
        controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            tls_context=tls,
            require_starttls=tls is not None,
            authenticator=self._check,
            auth_required=self.login is not None,
        )
        controller.start()
        try:
            yield self
        finally:
            controller.stop()

    def _check(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        return AuthResult(success=given == self.login)


@dataclass
class Hook:
    """One request that the HTTP receiver got."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class HttpReceiver:
    """Answers with `answers` in turn, then 200; a pair is a status and a Location."""

    port: int = field(default_factory=free_port)
    hooks: list[Hook] = field(default_factory=list)
    answers: list[tuple[int, str | None]] = field(default_factory=list)

    @contextmanager
    def serving(self, tls: ssl.SSLContext | None = None) -> Iterator["HttpReceiver"]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.hooks.append(Hook(self.path, dict(self.headers.items()), json.loads(body)))
                status, location = receiver.answers.pop(0) if receiver.answers else (200, None)
                self.send_response(status)
                if location:
                    self.send_header("Location", location)
                self.end_headers()

            def do_GET(self) -> None:
                receiver.hooks.append(Hook(self.path, dict(self.headers.items()), None))

            def log_message(self, *_: Any) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
