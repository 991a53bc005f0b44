"""A relay before a server that can lose everything, as a network does when a node is gone without a word."""

import ctypes
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ATTACH_FILTER, DETACH_FILTER = 26, 27  # SO_ATTACH_FILTER and SO_DETACH_FILTER of Linux, which Python does not name
NOTHING = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # a BPF program: let no byte of it in


class Relay:
    """Forwards connections to a port of loopback. Once it swallows, packets to it are dropped before TCP sees them:

    nothing is acknowledged, refused or reset, unlike with a relay that only stops to read.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._accepted: list[socket.socket] = []
        self._sockets: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def swallow(self) -> None:
        program = struct.pack("HL", 1, ctypes.addressof(NOTHING))
        for one in (self._listener, *self._accepted):
            one.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, program)

    def forward(self) -> None:
        for one in (self._listener, *self._accepted):
            one.setsockopt(socket.SOL_SOCKET, DETACH_FILTER, 0)

    def close(self) -> None:
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                self._accepted.append(client)
                self._sockets += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=_pump, args=pair, daemon=True).start()


@contextmanager
def relay(target: int) -> Iterator[Relay]:
    """A relay to a port of loopback; it and its connections end with the block."""
    made = Relay(target)
    try:
        yield made
    finally:
        made.close()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while content := source.recv(65536):
            target.sendall(content)
        target.shutdown(socket.SHUT_WR)
