"""Request bodies with a limit."""

from collections.abc import AsyncIterator

from fastapi import Request

from noteyard.errors import TooLarge


class BoundedBody:
    """A request's body of at most `limit` bytes; `size` is the bytes that came so far."""

    def __init__(self, request: Request, limit: int) -> None:
        self.size = 0
        self._request = request
        self._limit = limit

    async def stream(self) -> AsyncIterator[bytes]:
        """The body's pieces; TooLarge as soon as it goes over the limit."""
        async for part in self._request.stream():
            self.size += len(part)
            if self.size > self._limit:
                raise TooLarge(f"The body is larger than {self._limit // 1024 // 1024} MiB.")
            yield part


async def bounded_body(request: Request, limit: int) -> bytes:
    """A small body's bytes; TooLarge as soon as it goes over `limit` bytes."""
    return b"".join([part async for part in BoundedBody(request, limit).stream()])
