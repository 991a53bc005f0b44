"""A person's lab as a program uses it: contents, kernels and terminals by Jupyter's REST and websockets."""

import json
import re
import socket
import uuid
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.support.installation import Installation, token_of
from tests.support.waiting import until

CONTROLS = re.compile(r"\x1b\[[?\d;]*[a-zA-Z]")
"""What shells send to a terminal besides text."""


@dataclass
class LabClient:
    """Through the edge, with a token of the person's."""

    http: httpx.Client
    person: str
    token: str
    port: int

    def get(self, path: str) -> Any:
        return self.http.get(f"/user/{self.person}/api/{path}").raise_for_status().json()

    def start_kernel(self) -> str:
        answer = self.http.post(f"/user/{self.person}/api/kernels", json={}).raise_for_status()
        return str(answer.json()["id"])

    def execute(self, kernel: str, code: str) -> str:
        """Run code; returns what it printed, or raises with its error."""
        printed = ""
        with self._channels(kernel) as channels:
            message = self._send(channels, code)
            while True:
                said = json.loads(channels.recv(timeout=120))
                if said["parent_header"].get("msg_id") != message:
                    continue
                if said["msg_type"] == "stream":
                    printed += said["content"]["text"]
                if said["msg_type"] == "error":
                    raise AssertionError("\n".join(said["content"]["traceback"]))
                if said["msg_type"] == "status" and said["content"]["execution_state"] == "idle":
                    return printed

    def in_terminal(self, command: str) -> str:
        """Type a command into a terminal of its own; what is on the terminal when it is over."""
        name = self.http.post(f"/user/{self.person}/api/terminals").raise_for_status().json()["name"]
        seen = ""
        with self._connect(f"terminals/websocket/{name}") as terminal:
            # What is typed is echoed, twice when the shell was not ready yet: both words are others there.
            terminal.send(json.dumps(["stdin", f"echo 'b'egun; {command}; echo 'o'ver with $?\r"]))
            while not (over := re.search(r"^over with \d+", seen, re.MULTILINE)):
                kind, *rest = json.loads(terminal.recv(timeout=60))
                seen += CONTROLS.sub("", rest[0]) if kind == "stdout" else ""
        self.http.delete(f"/user/{self.person}/api/terminals/{name}").raise_for_status()
        said = seen[: over.start()].replace("\r", "")
        return re.split(r"^begun\n", said, maxsplit=1, flags=re.MULTILINE)[1]

    def begin(self, kernel: str, code: str) -> None:
        """Start code and do not wait for it."""
        with self._channels(kernel) as channels:
            self._send(channels, code)
            until(lambda: self.get(f"kernels/{kernel}")["execution_state"] == "busy", 30, "the kernel's work")

    def _channels(self, kernel: str) -> ClientConnection:
        return self._connect(f"api/kernels/{kernel}/channels")

    def _connect(self, path: str) -> ClientConnection:
        host = f"{self.person}.localhost:{self.port}"
        return connect(
            f"ws://{host}/user/{self.person}/{path}",
            sock=socket.create_connection(("127.0.0.1", self.port)),
            additional_headers={"Authorization": f"token {self.token}"},
            open_timeout=30,
        )

    def _send(self, channels: ClientConnection, code: str) -> str:
        id = uuid.uuid4().hex
        header = {"msg_id": id, "session": "test", "username": "", "msg_type": "execute_request", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        channels.send(json.dumps(message))
        return id


def start_lab(installed: Installation, person: str, **options: str) -> LabClient:
    """Start the person's lab, wait until the hub calls it ready, and come back with a client of it."""
    client = installed.logged_in(person)
    api = installed.hub_api()
    answer = api.post(f"/users/{person}/server", json=options)
    assert answer.status_code in (201, 202), answer.text
    until(lambda: ready(installed, person), 90, f"the lab of {person}")
    token = token_of(client, person, f"access:servers!user={person}").json()["token"]
    http = installed.client(f"{person}.localhost")
    http.headers["Authorization"] = f"token {token}"
    return LabClient(http, person, token, installed.settings.port)


def ready(installed: Installation, person: str) -> bool:
    """Whether the hub says that the lab can be used."""
    servers = installed.hub_api().get(f"/users/{person}").json().get("servers") or {}
    return bool(servers.get("", {}).get("ready"))
