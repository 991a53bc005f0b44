"""The outputs' host: stored outputs of runs, opened by a signed link that holds for some minutes, always sandboxed."""

import hashlib
import hmac
import time

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from noteyard.api.dependencies import Store, Urls
from noteyard.api.streams import stored
from noteyard.errors import NotFound
from noteyard.objects import output_key
from noteyard.urls import PublicUrls

router = APIRouter(include_in_schema=False)

SECONDS = 600


def output_link(urls: PublicUrls, key: bytes, run: str, attempt: int, name: str) -> str:
    """Address of an output for a frame in the portal; good for ten minutes."""
    expires = int(time.time()) + SECONDS
    # What opens it is in the query, which no log keeps.
    return f"{urls.outputs}/o/{run}/{attempt}/{name}?expires={expires}&mac={_mac(key, run, attempt, name, expires)}"


@router.get("/o/{run}/{attempt}/{name}")
async def output(
    run: str, attempt: int, name: str, expires: int, mac: str, request: Request, objects: Store, urls: Urls
) -> StreamingResponse:
    expected = _mac(request.app.state.signing_key, run, attempt, name, expires)
    if expires < time.time() or not hmac.compare_digest(mac.encode(), expected.encode()):
        raise NotFound("This link has ended.", "Open the run's page again.")
    media = "text/html; charset=utf-8" if name.endswith(".html") else "application/octet-stream"
    headers = {"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer"}
    return await stored(objects, output_key(run, attempt, name), media, headers)


def _mac(key: bytes, run: str, attempt: int, name: str, expires: int) -> str:
    return hmac.new(key, f"{run}/{attempt}/{name}/{expires}".encode(), hashlib.sha256).hexdigest()
