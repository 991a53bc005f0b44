"""The embedded S3's door: the edge asks about every request before rclone sees it, and rclone about keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Protocol, cast

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from noteyard.api.internal import OnlyInternal
from noteyard.errors import NotFound
from noteyard.s3_refusals import S3Refusal, invalid_request, unknown_key
from noteyard.s3_requests import S3Request, parse
from noteyard.s3_rules import FOLDER_OPERATIONS, decide

router = APIRouter(prefix="/internal/v1/s3", include_in_schema=False)
WRITES_A_KEY = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload", "PutFolder"})


@dataclass(frozen=True)
class S3Key:
    """An access key: its secret, and the buckets that it opens, each to `read` or `write`."""

    access_key: str
    secret: str
    grants: Mapping[str, str]


class S3KeyStore(Protocol):
    """Finds keys; asked on every request, so that a revoked key stops at once."""

    def find(self, access_key: str) -> S3Key | None: ...


class S3Obstacles(Protocol):
    """Knows why a key can't be written because of what is there already."""

    def obstacle(self, bucket: str, key: str) -> str | None: ...


class S3Etags(Protocol):
    """Knows an object's ETag (with its quotes); `access` is an access key and its secret."""

    async def etag(self, access: tuple[str, str], bucket: str, key: str) -> str | None: ...


def _keys(request: Request) -> S3KeyStore:
    return cast(S3KeyStore, request.app.state.s3_keys)


def _obstacles(request: Request) -> S3Obstacles:
    return cast(S3Obstacles, request.app.state.s3_folder)


def _etags(request: Request) -> S3Etags:
    return cast(S3Etags, request.app.state.s3_objects)


Keys = Annotated[S3KeyStore, Depends(_keys)]
Obstacles = Annotated[S3Obstacles, Depends(_obstacles)]
Etags = Annotated[S3Etags, Depends(_etags)]


@router.get("/guard")
async def guard(request: Request, keys: Keys, obstacles: Obstacles, etags: Etags) -> Response:
    """Empty 200: rclone may have the request. Anything else is the answer for the client, as S3 writes it."""
    asked = parse(
        request.headers.get("x-forwarded-method", ""),
        request.headers.get("x-forwarded-uri", ""),
        sent_headers(request),
    )
    refusal, key = await run_in_threadpool(judge, asked, keys, obstacles)
    if refusal is None and asked.operation in FOLDER_OPERATIONS:
        refusal = invalid_request(f"Write the address of {asked.operation} without escapes that it does not need.")
    if refusal is None and key is not None and asked.header("if-match") is not None:
        refusal = await _changed(asked, key, etags)
    return refused(refusal) if refusal is not None else Response()


@router.get("/keys/{access_key}", dependencies=[OnlyInternal])
def key(access_key: str, keys: Keys) -> dict[str, Any]:
    """The secret of a key and the buckets it opens, for the program that rclone asks."""
    found = keys.find(access_key)
    if found is None:
        raise NotFound("There is no such access key.")
    return {"secret": found.secret, "buckets": sorted(found.grants)}


def judge(asked: S3Request, keys: S3KeyStore, obstacles: S3Obstacles) -> tuple[S3Refusal | None, S3Key | None]:
    """Why a request is refused, or the key that it is carried out with."""
    if asked.problem is not None or asked.access_key is None:
        return decide(asked, {}), None
    found = keys.find(asked.access_key)
    if found is None:
        return unknown_key(), None
    refusal = decide(asked, found.grants)
    if refusal is None and asked.operation in WRITES_A_KEY:
        refusal = _obstructed(asked, obstacles)
    return refusal, found


def _obstructed(asked: S3Request, obstacles: S3Obstacles) -> S3Refusal | None:
    message = obstacles.obstacle(asked.bucket, asked.key)
    if message is None:
        return None
    return invalid_request(f"{message} Nothing was changed; use another key.", asked.resource)


async def _changed(asked: S3Request, key: S3Key, etags: S3Etags) -> S3Refusal | None:
    """Whether If-Match fails: readers that come back for the next range learn that the object is another one now."""
    current = await etags.etag((key.access_key, key.secret), asked.bucket, asked.key)
    wanted = {tag.strip().removeprefix("W/").strip('"') for tag in (asked.header("if-match") or "").split(",")}
    if current is None or "*" in wanted or current.strip('"') in wanted:
        return None
    return S3Refusal(412, "PreconditionFailed", "The object has changed since (If-Match).", asked.resource)


def sent_headers(request: Request) -> list[tuple[str, str]]:
    """The client's headers in the order sent, repeated ones included."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]


def refused(refusal: S3Refusal) -> Response:
    """The refusal as S3 answers it."""
    return Response(refusal.xml(), status_code=refusal.status, media_type="application/xml")
