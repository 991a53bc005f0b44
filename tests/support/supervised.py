"""Small real parts, and an installation of them, for the tests of supervision."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from noteyard.backends.local import started
from noteyard.backends.local.instance_processes import find
from noteyard.backends.local.processes import Process
from noteyard.backends.local.starting import Starting
from noteyard.backends.local.stopping import stop_everything
from noteyard.backends.local.supervisor_client import PartState, SupervisorClient
from noteyard.backends.local.supervisord_config import Part
from noteyard.instance import Instance
from noteyard.settings import Settings
from noteyard.settings_file import load

from tests.support.ports import free_port

SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"ok")
    def log_message(self, *words):
        print(*words, flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
FAILING = """
import pathlib, sys, time
tries = pathlib.Path(sys.argv[1])
count = int(tries.read_text() or 0) + 1 if tries.exists() else 1
tries.write_text(str(count))
if count <= int(sys.argv[2]):
    sys.exit(f"try {count} fails")
time.sleep(3600)
"""


def server(name: str, port: int) -> Part:
    """A part that answers HTTP."""
    return Part(name, (sys.executable, "-c", SERVER, str(port)), {}, f"http://127.0.0.1:{port}/", settle_seconds=1)


def failing(name: str, tries: Path, failures: int) -> Part:
    """A part that ends at once, so many times, before it stays up."""
    return Part(name, (sys.executable, "-c", FAILING, str(tries), str(failures)))


@dataclass
class Installation:
    """An installation of stand-in parts."""

    settings: Settings
    parts: Callable[[Settings, Instance], Sequence[Part]]
    said: list[str]
    process: subprocess.Popen[bytes] | None = None

    @classmethod
    def of(cls, state: Path, parts: Callable[[Settings, Instance], Sequence[Part]] | None = None) -> "Installation":
        return cls(load(state, port=free_port()), parts or servers, [])

    @property
    def instance(self) -> Instance:
        return Instance.of(self.settings)

    @property
    def client(self) -> SupervisorClient:
        return SupervisorClient(self.instance)

    def start(self) -> subprocess.Popen[bytes]:
        self.process = Starting(self.settings, self.parts, {}, self.said.append).start()
        return self.process

    def stop(self) -> bool:
        started.forget(self.instance)
        stopped = stop_everything(self.instance, self.said.append, Event())
        if self.process is not None:
            self.process.wait()
        return stopped

    def part(self, name: str) -> PartState:
        return next(state for state in self.client.states() if state.name == name)

    def kill(self, name: str) -> int:
        pid = self.part(name).pid
        os.kill(pid, signal.SIGKILL)
        return pid

    def processes(self) -> list[Process]:
        return find(self.settings.state)


def servers(settings: Settings, instance: Instance) -> list[Part]:
    """Two servers on internal ports."""
    return [server(name, instance.ports()[name]) for name in ("api", "hub")]
