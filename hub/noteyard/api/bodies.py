"""Request bodies with a limit."""

from collections.abc import AsyncGenerator

from fastapi import Request

from noteyard.errors import TooLarge


class BoundedBody:
    """A request's body of at most `limit` bytes, else `refusal`; `size` is the bytes that came so far."""

    def __init__(self, request: Request, limit: int, refusal: TooLarge | None = None) -> None:
        self.size = 0
        self._request = request
        self._limit = limit
        self._refusal = refusal or TooLarge(f"The body is larger than {limit // 1024 // 1024} MiB.")

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body's pieces; TooLarge as soon as it goes over the limit."""
        async for part in self._request.stream():
            self.size += len(part)
            if self.size > self._limit:
                raise self._refusal
            yield part


class BoundedRequest(Request):
    """A request whose body, and so its form, is read up to `limit` bytes, else `refusal`.

    Starlette keeps a form's files on the disk while it reads them, however large they are.
    """

    def __init__(self, request: Request, limit: int, refusal: TooLarge) -> None:
        super().__init__(request.scope, request.receive)
        self._bounded = BoundedBody(request, limit, refusal)

    def stream(self) -> AsyncGenerator[bytes, None]:
        return self._bounded.stream()


async def bounded_body(request: Request, limit: int) -> bytes:
    """A small body's bytes; TooLarge as soon as it goes over `limit` bytes."""
    return b"".join([part async for part in BoundedBody(request, limit).stream()])
