"""A real PostgreSQL that the tests start: a cluster in a temporary folder, on a unix socket and a free port."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def postgres() -> Iterator[str]:
    """An SQLAlchemy URL of an empty server; the server ends with the block."""
    folder = Path(tempfile.mkdtemp(prefix="noteyard-pg-"))
    port = _free_port()
    user = _unprivileged(folder)
    run = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    tools = binaries()
    data = folder / "data"
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"

    def call(*command: str) -> None:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **run)  # type: ignore[call-overload]

    call(str(tools / "initdb"), "-D", str(data), "-U", "noteyard", "-A", "trust", "-E", "UTF8", "--no-sync")
    call(str(tools / "pg_ctl"), "-D", str(data), "-l", str(folder / "log"), "-w", "-o", options, "start")
    try:
        yield f"postgresql+psycopg://noteyard@127.0.0.1:{port}/postgres"
    finally:
        call(str(tools / "pg_ctl"), "-D", str(data), "-w", "-m", "immediate", "stop")
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
