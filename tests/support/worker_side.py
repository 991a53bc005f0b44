"""The hub side of one attempt, for tests of the worker: real HTTP in threads of the test, and real worker processes."""

import hashlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.support.waiting import until

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venvs" / "lab" / "bin" / "python"
ATTEMPT = "r4k2m9x0q1ab.1"
TOKEN = "secret-token-of-the-attempt"
BASE = f"/internal/v1/attempts/{ATTEMPT}"
KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}


def code(source: str, *tags: str) -> dict[str, Any]:
    """A code cell."""
    return {
        "cell_type": "code",
        "source": source,
        "metadata": {"tags": list(tags)},
        "outputs": [],
        "execution_count": None,
    }


def text(source: str) -> dict[str, Any]:
    """A markdown cell."""
    return {"cell_type": "markdown", "source": source, "metadata": {}}


def notebook(*cells: dict[str, Any] | str) -> bytes:
    """A Python notebook; a cell that is text is code."""
    made = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    return json.dumps(
        {"cells": made, "metadata": {"kernelspec": KERNELSPEC}, "nbformat": 4, "nbformat_minor": 4}
    ).encode()


@dataclass
class HubSide:
    """What the worker is given, and what it says. `stop` and `answers` (path ending -> status) may change any time.

    `claimed_by` is the token that the worker chose. The first answer to a path ending with `loses_answer_to` is lost.
    """

    claim: dict[str, Any]
    contents: dict[str, bytes]
    claims: int = 0
    claimed_by: str | None = None
    loses_answer_to: str | None = None
    stop: bool = False
    answers: dict[str, int] = field(default_factory=dict)
    progress: list[dict[str, Any]] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    stored: list[str] = field(default_factory=list)
    finished: dict[str, Any] | None = None
    request_ids: set[str | None] = field(default_factory=set)
    dropped: int = 0
    away: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    @property
    def log(self) -> str:
        """The log as the hub side puts it together from its chunks."""
        whole = ""
        for said in self.progress:
            whole = whole[: said["log_offset"]] + said["log"]
        return whole

    @property
    def cells(self) -> list[dict[str, Any]]:
        """The cells of the output notebook."""
        cells: list[dict[str, Any]] = json.loads(self.outputs["notebook.ipynb"])["cells"]
        return cells

    def printed(self, index: int) -> str:
        """What the cell at `index` of the output notebook printed."""
        return "".join("".join(output.get("text", "")) for output in self.cells[index]["outputs"])

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Status and body for one request."""
        for ending, status in self.answers.items():
            if path.endswith(ending):
                return status, b'{"title": "Scripted", "detail": "as the test wants it"}'
        what = path.removeprefix(BASE)
        if what == "/claim":
            chosen = json.loads(body)["token"]
            if self.claimed_by not in (None, chosen):
                return 404, b"{}"
            self.claims += 1
            self.claimed_by = chosen
            return 200, json.dumps(self.claim).encode()
        if what == "/progress":
            self.progress.append(json.loads(body))
            return 200, json.dumps({"stop": self.stop}).encode()
        if what == "/finish":
            self.finished = json.loads(body)
            return 200, b"{}"
        if method == "PUT":
            name = what.rpartition("/")[2]
            self.outputs[name] = body.decode()
            self.stored.append(name)
            return 200, b"{}"
        content = self.contents.get(what.rpartition("/")[2])
        return (404, b"{}") if content is None else (200, content)


def claim_of(files: Mapping[str, bytes], **changes: Any) -> HubSide:
    """A hub side whose attempt has these files; the first is the notebook. `changes` replace parts of the claim."""
    listed = [
        {"path": path, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        for path, content in files.items()
    ]
    claim = {
        "run": ATTEMPT.partition(".")[0],
        "number": 1,
        "notebook": next(iter(files)),
        "files": listed,
        "parameters": {},
        "schema": {"type": "object", "properties": {}},
        "environment": {"NOTEYARD_TEAM_URL": "s3://team/"},
        "timeout": None,
        "kernel_name": None,
        "log_limit": 100_000,
        "output_limit": 50_000,
        "assets_url": "/_assets/",
        "request_id": "request-1",
        **changes,
    }
    return HubSide(claim, {str(file["sha256"]): files[str(file["path"])] for file in listed})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    side: HubSide

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        side = self.side
        if side.away.is_set():
            side.dropped += 1
            self.close_connection = True
            return
        token = TOKEN if self.path.endswith("/claim") else side.claimed_by
        if self.headers.get("Authorization") != f"Bearer {token}":
            status, content = 401, b"{}"
        else:
            status, content = side.answer(self.command, self.path, body)
        if not self.path.endswith("/claim"):
            side.request_ids.add(self.headers.get("X-Request-Id"))
        if side.loses_answer_to and self.path.endswith(side.loses_answer_to):
            side.loses_answer_to = None
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = _answer

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the tests look at what was said."""


@contextmanager
def served(side: HubSide) -> Iterator[HubSide]:
    """Serve this hub side while the block lasts. While `side.away` is set, connections are dropped unanswered."""
    handler = type("Handler", (_Handler,), {"side": side})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    side.url = f"http://127.0.0.1:{server.server_address[1]}/internal/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield side
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Worker:
    """A worker process; `errors` is the file it logs to."""

    process: subprocess.Popen[str]
    side: HubSide
    folder: Path
    errors: Path

    def wait(self, seconds: float = 60) -> int:
        """Its exit code."""
        return self.process.wait(seconds)

    def terminate(self) -> None:
        """SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def until_logged(self, part: str, seconds: float = 30) -> None:
        """Wait until the run's log has this."""
        until(lambda: part in self.side.log or self._gone(), seconds, f"{part!r} in the log")

    def _gone(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the worker ended with {self.process.returncode}:\n{self.errors.read_text()}")
        return False


@contextmanager
def worker(side: HubSide, folder: Path) -> Iterator[Worker]:
    """A worker at work for a hub side that is served, in a new folder below `folder`."""
    work = folder / "work"
    work.mkdir()
    errors = folder / "errors"
    order = json.dumps({"api": side.url, "attempt": ATTEMPT, "token": TOKEN})
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "SOME_TOKEN": "not for the kernel",
        "LANG": "C.UTF-8",
    }
    with errors.open("w") as stderr:
        process = subprocess.Popen(
            [str(PYTHON), "-m", "noteyard_lab.worker", "--attempt", ATTEMPT],
            cwd=work,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=stderr,
            stderr=stderr,
            text=True,
        )
    assert process.stdin is not None
    with process.stdin as pipe:
        pipe.write(order + "\n")
    try:
        yield Worker(process, side, work, errors)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def run(side: HubSide, folder: Path, seconds: float = 60) -> int:
    """Serve the hub side, run a worker to its end and return its exit code."""
    with served(side), worker(side, folder) as running:
        code = running.wait(seconds)
        assert "Traceback" not in running.errors.read_text(), running.errors.read_text()
        return code
