"""Free ports for tests' servers."""

import socket


def free_port() -> int:
    """A port on loopback of which the next one is free too (the edge takes both)."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port: int = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
