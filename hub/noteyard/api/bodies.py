"""Request bodies with a limit."""

from fastapi import Request

from noteyard.errors import TooLarge


async def bounded_body(request: Request, limit: int) -> bytes:
    """The body's bytes; TooLarge as soon as it goes over `limit` bytes."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise TooLarge(f"The body is larger than {limit // 1024 // 1024} MiB.")
        parts.append(part)
    return b"".join(parts)
