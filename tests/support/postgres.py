"""A real PostgreSQL that the tests start: a cluster in a temporary folder, on a unix socket and a free port."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


def binaries() -> Path:
    """The folder of initdb and pg_ctl; `make test` installs PostgreSQL when it is missing."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not folders:
        raise RuntimeError("The store's tests need PostgreSQL. Install it: sudo apt-get install postgresql")
    return folders[-1].parent


@dataclass
class Server:
    """A PostgreSQL that can be stopped and started."""

    url: str
    folder: Path
    port: int

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        self.control("-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self) -> None:
        self.control("-m", "immediate", "stop")

    def control(self, *words: str) -> None:
        self.call(str(binaries() / "pg_ctl"), "-D", str(self.folder / "data"), "-w", *words)

    def call(self, *command: str) -> None:
        user = _unprivileged(self.folder)
        run = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **run)  # type: ignore[call-overload]


@contextmanager
def postgres() -> Iterator[str]:
    """An SQLAlchemy URL of an empty server; the server ends with the block."""
    with postgres_server() as server:
        yield server.url


@contextmanager
def postgres_server() -> Iterator[Server]:
    """An empty server, running; it ends with the block."""
    folder = Path(tempfile.mkdtemp(prefix="noteyard-pg-"))
    port = _free_port()
    server = Server(f"postgresql+psycopg://noteyard@127.0.0.1:{port}/postgres", folder, port)
    initdb = [str(binaries() / "initdb"), "-D", str(folder / "data"), "-U", "noteyard", "-A", "trust", "-E", "UTF8"]
    server.call(*initdb, "--no-sync")
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged(folder: Path) -> pwd.struct_passwd | None:
    # PostgreSQL refuses to run as root.
    if os.geteuid() != 0:
        return None
    user = pwd.getpwnam("nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return user


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
