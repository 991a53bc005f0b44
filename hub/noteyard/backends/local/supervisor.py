"""Starts supervisord for a set of parts, and cleans up after one that was killed."""

import getpass
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from noteyard.backends.local.launch_part import start_ticks
from noteyard.backends.local.records import read_record
from noteyard.backends.local.supervisor_client import SupervisorClient
from noteyard.backends.local.supervisord_config import CONFIG, RESTARTER, Part, build
from noteyard.errors import NoteyardError
from noteyard.instance import Instance

MARK = "NOTEYARD_INSTANCE"
"""Environment variable that everything started for an installation carries: its state folder."""
START_SECONDS = 20.0
MOST_SECONDS = 15.0
"""Longest delay between two tries of a part that fails to start."""


def start_supervisor(
    instance: Instance, parts: Sequence[Part], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start supervisord with the parts, in a session of its own (a terminal's Ctrl-C does not reach it).

    Everything it starts gets `environment` over this process's.
    """
    folder = instance.folder("run", "parts")
    _ = instance.logs
    restarter = _restarter(instance)
    for part in (*parts, restarter):
        _write(folder / f"{part.name}.json", part.specification())
    user = getpass.getuser() if os.geteuid() == 0 else None
    config = instance.run / CONFIG
    _write(config, build(parts, restarter, instance.secret("supervisor"), user))
    said = instance.run / "supervisord.out"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "supervisor.supervisord", "-c", CONFIG],
            cwd=instance.run,
            env={**os.environ, **environment, **_always(instance)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _wait_for(process, instance, said)
    return process


def forget_starts(instance: Instance) -> None:
    """Count restarts from zero again: they are told since the last `up`."""
    for path in instance.folder("run", "parts").glob("*.process"):
        path.unlink()


def kill_leftovers(instance: Instance) -> None:
    """End parts of a supervisord that is gone. The kernel has done so already, unless they had only just started."""
    for path in instance.folder("run", "parts").glob("*.process"):
        identity: dict[str, int] | None = read_record(path, json.loads)
        if identity is None:
            continue
        with suppress(ProcessLookupError, FileNotFoundError):
            if start_ticks(identity["pid"]) == identity["ticks"]:
                os.kill(identity["pid"], signal.SIGKILL)


def _always(instance: Instance) -> dict[str, str]:
    state = str(instance.state)
    return {MARK: state, "NOTEYARD_STATE": state, "PYTHONUNBUFFERED": "1"}


def _restarter(instance: Instance) -> Part:
    module = f"{__package__}.{RESTARTER}"
    return Part(RESTARTER, (sys.executable, "-P", "-m", module, str(instance.state), str(MOST_SECONDS)))


def _wait_for(process: subprocess.Popen[bytes], instance: Instance, said: Path) -> None:
    client = SupervisorClient(instance)
    deadline = time.monotonic() + START_SECONDS
    while client.pid() is None:
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            process.wait()
            words = said.read_text(errors="replace").strip().splitlines()
            raise NoteyardError(
                f"The supervisor did not start: {words[-1] if words else f'exit code {process.returncode}'}.",
                f"Its log is {instance.logs / 'supervisor.log'}.",
            )
        time.sleep(0.05)


def _write(path: Path, content: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
