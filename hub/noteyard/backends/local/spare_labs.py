"""Labs' processes that are ready before anybody asks: they have imported what a lab's server loads, and wait.

A spare belongs to an environment as it was when the spare was started. It learns who it is for from one line on its
standard input, which no other process sees; without one, because the hub has ended, it ends too.
"""

import asyncio
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

from noteyard.backends.local.lab_environment import KEPT, MARK
from noteyard.backends.local.network_environment import network_environment
from noteyard.instance import Instance
from noteyard.urls import PublicUrls

ARGV = ("-I", "-m", "noteyard_lab.lab")
OPTION = "--spare"
LONGEST_MARK = 64
"""Bytes: room for whom a spare will belong to, in the environment that others see of it."""

FILLED_AFTER_SECONDS = 5.0
"""Not while the page of a lab that was started loads: its person needs the machine more."""

State = tuple[Path, int, int]


class SpareLabs:
    """At most `wanted` spares for each environment."""

    def __init__(self, instance: Instance, urls: PublicUrls, wanted: int) -> None:
        self._instance = instance
        self._urls = urls
        self._wanted = wanted
        self._ready: dict[State, list[subprocess.Popen[bytes]]] = {}

    def fill_later(self, environment: Path) -> None:
        """Start the spares that are wanting in FILLED_AFTER_SECONDS, in the running loop."""
        asyncio.get_running_loop().call_later(FILLED_AFTER_SECONDS, self.fill, environment)

    def fill(self, environment: Path) -> None:
        """Start the spares that are wanting; quick, what they import they import by themselves."""
        ready = self._of(environment)
        while ready is not None and len(ready) < self._wanted:
            ready.append(self._start(environment))

    def take(self, environment: Path) -> subprocess.Popen[bytes] | None:
        """A spare of this environment, for the caller alone; None when there is none."""
        ready = self._of(environment)
        return ready.pop(0) if ready else None

    def _of(self, environment: Path) -> list[subprocess.Popen[bytes]] | None:
        """The living spares of an environment as it is now, None when it is missing; those of before are ended."""
        now = _state(environment)
        for state in [state for state in self._ready if state[0] == environment and state != now]:
            _end(self._ready.pop(state))
        if now is None:
            return None
        self._ready[now] = [spare for spare in self._ready.get(now, []) if spare.poll() is None]
        return self._ready[now]

    def _start(self, environment: Path) -> subprocess.Popen[bytes]:
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        variables = {
            "LANG": "C.UTF-8",
            **kept,
            # Modules read them when they are imported.
            **network_environment(os.environ, self._urls),
            "PATH": os.pathsep.join([str(environment / "bin"), os.defpath]),
            "HOME": "/nonexistent",
            "NOTEYARD_INSTANCE": str(self._instance.state),
            MARK: " " * LONGEST_MARK,
        }
        return subprocess.Popen(
            [str(environment / "bin" / "python"), *ARGV, OPTION],
            cwd="/",
            env=variables,
            stdin=subprocess.PIPE,
            # What can't be imported is told by the lab that is then started without a spare.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


@cache
def shared_spares(instance: Instance, urls: PublicUrls, wanted: int) -> SpareLabs:
    """The hub's spares; its spawners share them."""
    return SpareLabs(instance, urls, wanted)


def hand_over(
    spare: subprocess.Popen[bytes], variables: Mapping[str, str], arguments: Sequence[str], log: Path
) -> bool:
    """Let a spare be the lab of `variables[MARK]`; False when it has just ended."""
    line = json.dumps({"variables": dict(variables), "arguments": list(arguments), "log": str(log)})
    pipe = spare.stdin
    assert pipe is not None
    with suppress(BrokenPipeError):
        with pipe:
            pipe.write(line.encode() + b"\n")
        return spare.poll() is None
    return False


def _state(environment: Path) -> State | None:
    """The environment and when it was changed: a spare's modules are those of then. None when it is missing."""
    try:
        packages = next(environment.glob("lib/python*/site-packages"))
        return environment, (environment / "bin" / "python").stat().st_mtime_ns, packages.stat().st_mtime_ns
    except (StopIteration, OSError):
        return None


def _end(spares: Sequence[subprocess.Popen[bytes]]) -> None:
    for spare in spares:
        spare.kill()
        spare.communicate()
