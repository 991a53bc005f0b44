"""Calls to a running rclone over its unix socket."""

import asyncio
import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Unanswered(Exception):
    """rclone is not there, did not answer in time, or says why it can't."""


class RemoteControl:
    """An rclone that listens at this path."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def call(self, command: str, parameters: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """The answer to a command. Raises Unanswered, after `seconds` at the latest."""
        return await asyncio.to_thread(self._call, command, parameters, seconds)

    def _call(self, command: str, parameters: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        connection = _Connection(self._path, seconds)
        try:
            connection.request("POST", f"/{command}", json.dumps(parameters), {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unanswered(f"{command}: {error}") from None
        finally:
            connection.close()
        if response.status != 200:
            raise Unanswered(f"{command}: {answer.get('error', response.status)}")
        return answer


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("rclone", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
