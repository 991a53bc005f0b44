"""The user side's HTTP client: what is tried again, what is not, and where the token goes."""

import io
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from noteyard_lab.hub_client import Access, GaveUpError, HubClient, NotWantedError, RefusedError, read_access

from tests.support.worker_side import ROOT

PYTHON = str(ROOT / ".venvs" / "lab" / "bin" / "python")
LINE = '{"api": "http://127.0.0.1:1/internal/v1/", "attempt": "r1.1", "token": "very-secret"}\n'


class _Handler(BaseHTTPRequestHandler):
    answers: list[tuple[int, bytes]]
    seen: list[tuple[str, str | None, str | None]]

    def do_POST(self) -> None:
        """The next scripted answer; the last one stays."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append((self.path, self.headers["Authorization"], self.headers["X-Request-Id"]))
        status, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@contextmanager
def scripted(*answers: tuple[int, bytes]) -> Iterator[tuple[HubClient, type[_Handler]]]:
    """A client of a server that gives these answers."""
    handler = type("Handler", (_Handler,), {"answers": list(answers), "seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    client = HubClient(Access(f"http://127.0.0.1:{server.server_address[1]}/internal/v1", "r1.1", "very-secret"))
    try:
        yield client, handler
    finally:
        client.close()
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_first_line_tells_where_and_who() -> None:
    access = read_access(io.StringIO(LINE), "attempt")
    assert (access.api, access.subject, access.token) == ("http://127.0.0.1:1/internal/v1", "r1.1", "very-secret")
    assert "very-secret" not in repr(access)


@pytest.mark.parametrize(
    "line", ["", "{}", "[]", "very-secret", '{"api": "x", "workload": "r1", "token": "very-secret"}']
)
def test_another_first_line_is_explained_without_repeating_it(line: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_access(io.StringIO(line), "attempt")
    assert str(caught.value) == (
        'standard input must begin with one line of JSON with "api", "attempt" and "token"; '
        "Noteyard starts this program by itself, it is not meant to be started by hand"
    )
    assert caught.value.__suppress_context__


def test_trouble_of_the_hub_side_is_waited_out() -> None:
    with scripted((503, b""), (500, b"oops"), (200, b'{"stop": true}')) as (client, handler):
        client.use_request_id("request-1")
        assert client.post("/attempts/r1.1/progress", {}) == {"stop": True}
        assert handler.seen == [("/internal/v1/attempts/r1.1/progress", "Bearer very-secret", "request-1")] * 3


@pytest.mark.parametrize("status", [401, 404, 409, 410])
def test_some_answers_mean_not_wanted(status: int) -> None:
    problem = b'{"detail": "The attempt is over.", "hint": "Nothing to do."}'
    with scripted((status, problem)) as (client, handler):
        with pytest.raises(NotWantedError) as caught:
            client.post("/x", {})
        assert str(caught.value) == f"POST /x was answered {status}: The attempt is over. Nothing to do."
        assert len(handler.seen) == 1


def test_a_refusal_is_not_repeated() -> None:
    with scripted((413, b"<html>")) as (client, handler):
        with pytest.raises(RefusedError, match="POST /x was answered 413: "):
            client.post("/x", {})
        assert len(handler.seen) == 1


def test_waiting_ends_when_told() -> None:
    with scripted((503, b"")) as (client, _):
        threading.Timer(0.3, client.gave_up.set).start()
        with pytest.raises(GaveUpError, match="POST /x: told to stop before the hub side answered"):
            client.post("/x", {})


def test_a_proxy_of_the_surroundings_never_sees_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with scripted((200, b"{}")) as (client, handler):
        client.post("/x", {})
        assert len(handler.seen) == 1


def test_a_shielded_process_cannot_be_read_and_adopts_orphans() -> None:
    program = """
import ctypes, os, subprocess, sys
from noteyard_lab.process import descendants, end_descendants, shield
shield()
get = ctypes.c_int()
libc = ctypes.CDLL(None)
libc.prctl(37, ctypes.byref(get), 0, 0, 0)
print(libc.prctl(3, 0, 0, 0, 0), get.value)
orphan = "import os, time; os.setsid(); os.fork() and os._exit(0); os.write(1, b'x'); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", orphan], stdout=subprocess.PIPE)
child.stdout.read(1)
print(len(descendants()), end_descendants(), len(descendants()))
"""
    answer = subprocess.run([PYTHON, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.splitlines() == ["0 1", "1 True 0"]
