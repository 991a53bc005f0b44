"""A viewer's websocket to a kernel as an attacker writes it: any bytes, and the answers read."""

import json
import time
import uuid
from itertools import pairwise
from types import TracebackType
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

from tests.support.dashboard_side import V1
from tests.support.launcher import Launcher


def v1(kind: Any, content: Any, channel: str = "shell", metadata: Any = None, **header: Any) -> bytes:
    """A message of the v1 websocket protocol."""
    head = {
        "msg_id": uuid.uuid4().hex,
        "username": "",
        "session": "s",
        "date": "2026-11-22T21:54:00Z",
        "version": "5.4",
    }
    parts = [json.dumps(part).encode() for part in ({**head, "msg_type": kind, **header}, {}, metadata or {}, content)]
    pieces = [channel.encode(), *parts]
    ends = [8 * (len(pieces) + 2)]
    for piece in pieces:
        ends.append(ends[-1] + len(piece))
    return b"".join(number.to_bytes(8, "little") for number in (len(ends), *ends)) + b"".join(pieces)


def read_v1(message: bytes) -> dict[str, Any]:
    """Channel, header, parent header and content of a message from the kernel."""
    count = int.from_bytes(message[:8], "little")
    offsets = [int.from_bytes(message[8 * (i + 1) : 8 * (i + 2)], "little") for i in range(count)]
    pieces = [message[start:end] for start, end in pairwise(offsets)]
    header, parent, _, content = (json.loads(piece) for piece in pieces[1:5])
    return {"channel": pieces[0].decode(), "header": header, "parent": parent, "content": content}


class ViewerSocket:
    """An open websocket to a kernel. Raises websockets.InvalidStatus when the launcher refuses it."""

    def __init__(
        self,
        launcher: Launcher,
        kernel: str,
        sid: str = "sid-of-ada",
        protocols: list[Any] | None = None,
        session: str = "attacker",
        **headers: str,
    ) -> None:
        given = {"X-Noteyard-Viewer": launcher.side.signer.token(sid), **headers}
        origin: Any = given.pop("Origin", None)
        url = launcher.address.replace("http", "ws") + f"/live/api/kernels/{kernel}/channels?session_id={session}"
        self._opening = connect(
            url,
            additional_headers={name: value for name, value in given.items() if value},
            origin=origin,
            subprotocols=[V1] if protocols is None else protocols or None,
            open_timeout=60,
        )
        self.socket: ClientConnection = self._opening.__enter__()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._opening.__exit__(kind, error, trace)

    def send(self, message: bytes | str) -> None:
        self.socket.send(message)

    def answered(self) -> None:
        """Ask what a page asks first, and wait for the kernel's reply on both ways, its own and everybody's.

        Unasked, a kernel at rest need not say anything: what jupyter_server's own question on connecting makes it say
        may be over before this socket listens, or be the sign by which jupyter_server knows that it does.
        """
        self.send(v1("kernel_info_request", {}))
        missing = {"kernel_info_reply", "status"}
        while missing:
            missing -= {message["header"]["msg_type"] for message in self.until(*missing)}

    def widgets(self) -> dict[str, dict[str, Any]]:
        """The widgets' states by id, asked for as the page does."""
        asked = {"comm_id": uuid.uuid4().hex, "target_name": "jupyter.widget.control", "data": {}}
        self.send(v1("comm_open", asked, metadata={"version": "1.0.0"}))
        self.send(v1("comm_msg", {"comm_id": asked["comm_id"], "data": {"method": "request_states"}}))
        found: dict[str, dict[str, Any]] = self.until("comm_msg")[-1]["content"]["data"]["states"]
        return found

    def heard(self, seconds: float) -> list[dict[str, Any]]:
        """Everything the kernel says within so many seconds."""
        messages = []
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                messages.append(read_v1(self.socket.recv(timeout=left)))  # type: ignore[arg-type]
            except TimeoutError:
                break
        return messages

    def until(self, *kinds: str, seconds: float = 60.0) -> list[dict[str, Any]]:
        """Everything up to the first message of one of these types, which is the last; fails when none comes."""
        messages = []
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                messages.append(read_v1(self.socket.recv(timeout=left)))  # type: ignore[arg-type]
            except TimeoutError:
                break
            if messages[-1]["header"]["msg_type"] in kinds:
                return messages
        said = [message["header"]["msg_type"] for message in messages]
        raise AssertionError(f"no {' or '.join(kinds)} within {seconds} s, but {said}")
