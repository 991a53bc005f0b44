"""Whether something answers: an HTTP URL with a 2xx, or a TCP port that accepts."""

import http.client
import socket
from urllib.parse import urlsplit

SECONDS = 2.0


def answers(address: str) -> bool:
    """`http://host:port/path`: answers 2xx. `tcp://host:port`: accepts connections."""
    parts = urlsplit(address)
    host, port = parts.hostname or "127.0.0.1", parts.port or 80
    if parts.scheme == "tcp":
        return _accepts(host, port)
    connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
    try:
        connection.request("GET", parts.path or "/")
        status: int = connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return 200 <= status < 300


def _accepts(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), SECONDS):
            return True
    except OSError:
        return False
