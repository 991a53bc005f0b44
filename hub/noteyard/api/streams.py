"""Stored objects as responses."""

from typing import Any

from fastapi.responses import StreamingResponse

from noteyard.objects import Objects

UNTRUSTED = {"Content-Security-Policy": "sandbox allow-scripts", "X-Content-Type-Options": "nosniff"}
"""People's code may be in it: a browser that opens it gives it an origin of its own."""


def answers(*media_types: str) -> dict[int | str, dict[str, Any]]:
    """What a route that answers a stored object documents: its media types; text is told from bytes."""
    texts = {"text/html": {"type": "string"}, "application/x-ipynb+json": {"type": "object"}}
    content = {name: {"schema": texts.get(name, {"type": "string", "format": "binary"})} for name in media_types}
    return {200: {"content": content}}


async def stored(
    objects: Objects, key: str, media_type: str, headers: dict[str, str] | None = None
) -> StreamingResponse:
    """The object as a streamed response; NotFound when there is none."""
    opened = await objects.open_async(key)
    sent = {**UNTRUSTED, **(headers or {}), "Content-Length": str(opened.stored.size)}
    return StreamingResponse(opened.chunks, 200, sent, media_type)
