"""Stored objects as responses."""

from fastapi.responses import StreamingResponse

from noteyard.objects import Objects

UNTRUSTED = {"Content-Security-Policy": "sandbox allow-scripts", "X-Content-Type-Options": "nosniff"}
"""People's code may be in it: a browser that opens it gives it an origin of its own."""


async def stored(
    objects: Objects, key: str, media_type: str, headers: dict[str, str] | None = None
) -> StreamingResponse:
    """The object as a streamed response; NotFound when there is none."""
    opened = await objects.open_async(key)
    sent = {**UNTRUSTED, **(headers or {}), "Content-Length": str(opened.stored.size)}
    return StreamingResponse(opened.chunks, 200, sent, media_type)
