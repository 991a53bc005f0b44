"""The embedded S3 as it runs on one machine: real Traefik, real rclone, the real guard, and keys in a dictionary."""

import http.client
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from noteyard.api import problems, s3_folders, s3_guard
from noteyard.api.s3_guard import S3Key
from noteyard.backends.local.health import answers
from noteyard.backends.local.s3_edge import S3, s3_dynamic, s3_entrypoint
from noteyard.backends.local.s3_folder import S3Folder
from noteyard.backends.local.s3_objects import S3Objects
from noteyard.backends.local.s3_server import S3Server
from noteyard.instance import Instance
from noteyard.s3_environment import s3_environment

from tests.support.ports import free_port
from tests.support.s3_signer import Answer, send, signed
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.prefix) / "bin"
LAB_PYTHON = ROOT / ".venvs" / "lab" / "bin" / "python"
CLIENTS = ROOT / "tests" / "integration" / "s3_clients"
ADA = S3Key("NYAKADA", "ada-secret_1", {"team": "write", "my-ada": "write"})
BOB = S3Key("NYAKBOB", "bob-secret_2", {"team": "write", "my-bob": "write"})
SHOW = S3Key("NYAKSHOW", "show-secret_3", {"team": "read"})


class Keys:
    """A key store that tests change while requests run."""

    def __init__(self) -> None:
        self.known = {key.access_key: key for key in (ADA, BOB, SHOW)}

    def find(self, access_key: str) -> S3Key | None:
        return self.known.get(access_key)


@dataclass
class Stack:
    """The running parts. `folder` holds the buckets' folders."""

    port: int
    folder: Path
    runner: "Runner"
    keys: Keys = field(default_factory=Keys)

    @property
    def rclone_pid(self) -> int:
        return self.runner.process.pid

    @property
    def endpoint(self) -> str:
        return f"http://localhost:{self.port}"

    def send(self, method: str, target: str, body: bytes = b"", *, key: S3Key = ADA, **headers: str) -> Answer:
        """A signed request with `target` as it is; underscores in the headers' names are hyphens."""
        return send(
            self.port, key, method, target, body, {name.replace("_", "-"): value for name, value in headers.items()}
        )

    def open_upload(self, target: str, length: int, key: S3Key = ADA) -> http.client.HTTPConnection:
        """A PUT whose headers are sent; the test sends its body of `length` bytes."""
        headers = signed(
            key, "PUT", f"127.0.0.1:{self.port}", target, b"", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
        )
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.putrequest("PUT", target, skip_host=True, skip_accept_encoding=True)
        for name, value in {**headers, "content-length": str(length)}.items():
            connection.putheader(name, value)
        connection.endheaders()
        return connection

    def write(self, path: str, content: bytes = b"original") -> Path:
        """Put a file into the folder by path, as a lab does."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def contents(self) -> dict[str, bytes]:
        """Every file in every bucket, by path."""
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}

    def client(self, script: str, *arguments: str, key: S3Key = ADA) -> str:
        """What a script of s3_clients/ prints in the lab's environment, with what a lab gets; it must succeed."""
        done = subprocess.run(
            [LAB_PYTHON, CLIENTS / script, *arguments],
            env=self.client_environment(key),
            capture_output=True,
            text=True,
            timeout=250,
        )
        assert done.returncode == 0, f"{script} failed:\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
        return done.stdout

    def client_environment(self, key: S3Key = ADA) -> Mapping[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "OPENBLAS_CORETYPE") if name in os.environ}
        return {**kept, "HOME": str(self.folder.parent), **s3_environment(key, self.endpoint)}


@contextmanager
def s3_stack(state: Path) -> Iterator[Stack]:
    """Start everything below the folder `state`, and end it."""
    instance = Instance(state)
    instance.make_secrets()
    api, rclone, public = free_port(), free_port(), free_port()
    keys = Keys()
    with ExitStack() as started:
        started.enter_context(_api(instance, keys, api, rclone))
        server = S3Server(
            rclone,
            free_port(),
            instance.s3,
            instance.folder("cache", "s3"),
            f"http://127.0.0.1:{api}",
            instance.secret_file("internal"),
        )
        runner = started.enter_context(_running(server, instance.logs / "s3.log"))
        edge = _edge_files(instance, api, rclone, public)
        started.enter_context(
            _process((str(PROGRAMS / "traefik"), f"--configFile={edge}"), instance.logs / "edge.log", {})
        )
        until(lambda: answers(f"tcp://127.0.0.1:{public}"), what="the edge")
        stack = Stack(public, instance.s3, runner, keys)
        until(lambda: stack.send("GET", "/team").status == 200, what="an answer of the S3")
        stack.send("GET", "/my-bob", key=BOB)
        yield stack


def _edge_files(instance: Instance, api: int, rclone: int, public: int) -> Path:
    dynamic, static = instance.run / "dynamic.yaml", instance.run / "edge.yaml"
    dynamic.write_text(json.dumps(s3_dynamic(f"http://127.0.0.1:{api}", f"http://127.0.0.1:{rclone}")))
    static.write_text(
        json.dumps(
            {
                "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
                "entryPoints": {S3: s3_entrypoint(f"127.0.0.1:{public}")},
                "providers": {"file": {"filename": str(dynamic)}},
            }
        )
    )
    return static


@contextmanager
def _api(instance: Instance, keys: Keys, port: int, rclone: int) -> Iterator[None]:
    app = FastAPI(openapi_url=None, lifespan=lambda app: _closing(app.state.s3_objects))
    app.state.instance, app.state.s3_keys, app.state.s3_folder = instance, keys, S3Folder(instance.s3)
    app.state.s3_objects = S3Objects(f"http://127.0.0.1:{rclone}")
    app.include_router(s3_guard.router)
    app.include_router(s3_folders.router)
    problems.install(app)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started, what="the guard")
        yield
    finally:
        server.should_exit = True
        thread.join()


@asynccontextmanager
async def _closing(objects: S3Objects) -> AsyncIterator[None]:
    yield
    await objects.close()


@dataclass
class Runner:
    """Runs rclone, and can kill it and run it again."""

    server: S3Server
    log: Path
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        environment = {**os.environ, **self.server.environment()}
        with self.log.open("ab") as output:
            argv = self.server.argv(PROGRAMS / "rclone")
            self.process = subprocess.Popen(argv, env=environment, stdout=output, stderr=output)
        until(lambda: answers(f"tcp://127.0.0.1:{self.server.port}"), what="rclone")

    def crash(self) -> None:
        """Kill it in the middle of whatever it does."""
        self.process.kill()
        self.process.wait()


@contextmanager
def _running(server: S3Server, log: Path) -> Iterator[Runner]:
    runner = Runner(server, log)
    try:
        yield runner
    finally:
        runner.process.terminate()
        runner.process.wait(20)


@contextmanager
def _process(argv: tuple[str, ...], log: Path, environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output:
        process = subprocess.Popen(argv, env={**os.environ, **environment}, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)
