"""Talks to an installation's supervisord over its unix socket."""

import http.client
import json
import os
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from noteyard.backends.local.supervisord_config import SOCKET, USER
from noteyard.instance import Instance

GONE = (OSError, xmlrpc.client.ProtocolError, http.client.HTTPException)
"""What a call raises when no supervisord answers."""


@dataclass(frozen=True)
class PartState:
    """A part as supervisord sees it: RUNNING, STARTING, BACKOFF, FATAL, STOPPING, STOPPED or EXITED."""

    name: str
    state: str
    pid: int
    since: datetime
    starts: int

    @property
    def up(self) -> bool:
        return self.state in ("STARTING", "RUNNING")


class SupervisorClient:
    """Calls of supervisord's XML-RPC interface. All raise one of GONE when it is not there."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.run = instance.state / "run"

    def pid(self) -> int | None:
        """supervisord's process; None when it does not run."""
        try:
            with self._proxy() as proxy:
                return int(proxy.supervisor.getPID())
        except GONE:
            return None

    def states(self) -> list[PartState]:
        """All that supervisord keeps, in its order."""
        with self._proxy() as proxy:
            return [self._state(information) for information in proxy.supervisor.getAllProcessInfo()]

    def start_part(self, name: str) -> None:
        with self._proxy() as proxy:
            proxy.supervisor.startProcess(name, False)

    def stop_part(self, name: str) -> None:
        """Ask a part to end; does not wait. Does nothing when it is not up."""
        with self._proxy() as proxy:
            try:
                proxy.supervisor.stopProcess(name, False)
            except xmlrpc.client.Fault as fault:
                if not fault.faultString.startswith(("NOT_RUNNING", "BAD_NAME")):
                    raise

    def shutdown(self) -> None:
        with self._proxy() as proxy:
            proxy.supervisor.shutdown()

    def _state(self, information: Any) -> PartState:
        path = self.run / "parts" / f"{information['name']}.process"
        starts = json.loads(path.read_text())["starts"] if path.exists() else 0
        since = datetime.fromtimestamp(information["start"], UTC)
        return PartState(information["name"], information["statename"], information["pid"], since, starts)

    @contextmanager
    def _proxy(self) -> Iterator[Any]:
        # By way of an open folder for the reason named in supervisord_config.build.
        folder = os.open(self.run, os.O_RDONLY | os.O_DIRECTORY)
        try:
            address = f"unix:///proc/self/fd/{folder}/{SOCKET}"
            transport = SupervisorTransport(USER, self.instance.secret("supervisor"), address)
            with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport) as proxy:
                yield proxy
        finally:
            os.close(folder)
