"""The few messages that a viewer's browser may send to a kernel.

Messages to widgets that the notebook made, the question for their state, and two harmless questions. Each is written
anew from the fields that are known, so that the kernel gets what was checked and not what a second parser might see in
the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

V1 = "v1.kernel.websocket.jupyter.org"
CONTROL_TARGET = "jupyter.widget.control"
PARTS_MAX = 256


class RefusedMessageError(Exception):
    """A message from a browser that must not reach the kernel; the text says why, for the log."""


def read_message(message: str | bytes) -> dict[str, Any]:
    """A websocket message as `{"channel", "header", "metadata", "content", "buffers"}`, not checked any further.

    The protocol is v1: a count of offsets, the offsets, each 8 bytes long, the channel, four parts of JSON, buffers.
    jupyter_server's own reader believes the count whatever it is and would fill the memory; this one does not.
    Raises RefusedMessageError, ValueError or RecursionError when it can't be read.
    """
    if isinstance(message, str):
        raise RefusedMessageError("text where the protocol has bytes")
    count = int.from_bytes(message[:8], "little")
    if not 6 <= count <= PARTS_MAX or len(message) < 8 * (count + 1):
        raise RefusedMessageError("its parts don't add up")
    offsets = [int.from_bytes(message[8 * (i + 1) : 8 * (i + 2)], "little") for i in range(count)]
    if offsets != sorted(offsets) or offsets[0] != 8 * (count + 1) or offsets[-1] != len(message):
        raise RefusedMessageError("its parts don't add up")
    channel, *parts = [message[start:end] for start, end in pairwise(offsets)]
    header, _, metadata, content = (json.loads(part) for part in parts[:4])
    return {
        "channel": channel.decode(),
        "header": header,
        "metadata": metadata,
        "content": content,
        "buffers": parts[4:],
    }


def checked(message: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], list[bytes]]:
    """Header, metadata, content and buffers of a message that may pass. Raises RefusedMessageError for all others."""
    given = _object(message, "header")
    if message.get("channel") != "shell":
        raise RefusedMessageError(f"channel {message.get('channel')!r}")
    kind = given.get("msg_type")
    content = _content(kind, _object(message, "content"))
    header = {name: _text(given, name) for name in ("msg_id", "username", "session", "date", "version")}
    metadata = _object(message, "metadata")
    version = {"version": _text(metadata, "version")} if "version" in metadata else {}
    buffers = message.get("buffers") or []
    if not all(isinstance(buffer, bytes) for buffer in buffers):
        raise RefusedMessageError("buffers that are not bytes")
    return {**header, "msg_type": kind}, version, content, list(buffers)


def _content(kind: object, content: Mapping[str, Any]) -> dict[str, Any]:
    if kind == "kernel_info_request":
        return {}
    if kind == "comm_info_request":
        return {"target_name": _text(content, "target_name")} if content.get("target_name") is not None else {}
    if kind == "comm_open":
        # Only to ask for the widgets' state. Opening "jupyter.widget" would let a browser make widgets in the kernel.
        if content.get("target_name") != CONTROL_TARGET:
            raise RefusedMessageError(f"comm_open for {content.get('target_name')!r}")
        return {"comm_id": _text(content, "comm_id"), "target_name": CONTROL_TARGET, "data": {}}
    if kind in ("comm_msg", "comm_close"):
        return {"comm_id": _text(content, "comm_id"), "data": dict(_object(content, "data"))}
    raise RefusedMessageError(f"type {kind!r}")


def _object(message: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = message.get(name) or {}
    if not isinstance(value, Mapping):
        raise RefusedMessageError(f"{name} that is not an object")
    return value


def _text(message: Mapping[str, Any], name: str) -> str:
    value = message.get(name, "")
    if not isinstance(value, str):
        raise RefusedMessageError(f"{name} that is not text")
    return value
