"""S3 operations that Noteyard carries out on the folder itself: deletes, and folders as keys that end with a slash.

rclone gets both wrong in ways that destroy files (see s3_rules.py). Clients' signatures are checked here.
"""

from datetime import UTC, datetime
from typing import Annotated, Protocol, cast

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

from noteyard.api.s3_guard import Keys, S3Obstacles, judge, refused, sent_headers
from noteyard.s3_deletions import BODY_BYTES, RefusedKey, deletions_xml, parse_deletions
from noteyard.s3_digests import check_digests
from noteyard.s3_refusals import S3Refusal, invalid_request
from noteyard.s3_requests import S3Request, parse
from noteyard.s3_rules import FOLDER_OPERATIONS
from noteyard.s3_signatures import check_signature

PREFIX = "/internal/v1/s3/folder"
router = APIRouter(include_in_schema=False)


class S3FolderStore(S3Obstacles, Protocol):
    """The folder behind the S3; a key that ends with a slash names a folder."""

    def exists(self, bucket: str, key: str) -> bool: ...
    def make(self, bucket: str, key: str) -> None: ...
    def delete(self, bucket: str, key: str) -> None: ...


def _folder(request: Request) -> S3FolderStore:
    return cast(S3FolderStore, request.app.state.s3_folder)


@router.api_route(PREFIX + "/{target:path}", methods=["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH"])
async def folder(request: Request, keys: Keys, store: Annotated[S3FolderStore, Depends(_folder)]) -> Response:
    """Judge the request as the guard does, check its signature, and do it."""
    asked = parse(request.method, _target(request), sent_headers(request))
    body = await _body(request)
    if body is None:
        return refused(S3Refusal(400, "EntityTooLarge", f"The body is over {BODY_BYTES} bytes.", asked.resource))
    return await run_in_threadpool(_answer, asked, body, keys, store)


def _target(request: Request) -> str:
    raw: bytes = request.scope["raw_path"]
    query: bytes = request.scope["query_string"]
    path = raw.decode("latin-1").removeprefix(PREFIX)
    return f"{path}?{query.decode('latin-1')}" if query else path


async def _body(request: Request) -> bytes | None:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            return None
    return body


def _answer(asked: S3Request, body: bytes, keys: Keys, store: S3FolderStore) -> Response:
    refusal, key = judge(asked, keys, store)
    if refusal is None and asked.operation not in FOLDER_OPERATIONS:
        refusal = invalid_request("Write the address without escapes that it does not need.", asked.resource)
    if refusal is None and key is not None:
        refusal = check_signature(asked, key.secret, body, datetime.now(UTC)) or check_digests(asked, body)
    if refusal is not None:
        return refused(refusal)
    if asked.operation == "DeleteObjects":
        return _delete_objects(asked, body, store)
    if body:
        return refused(invalid_request(f"{asked.operation} has no body. Nothing was changed.", asked.resource))
    if asked.operation == "HeadFolder":
        return _head(asked, store)
    if asked.operation == "PutFolder":
        store.make(asked.bucket, asked.key)
        return Response(headers={"ETag": EMPTY_ETAG})
    store.delete(asked.bucket, asked.key)
    return Response(status_code=204)


EMPTY_ETAG = '"d41d8cd98f00b204e9800998ecf8427e"'


def _head(asked: S3Request, store: S3FolderStore) -> Response:
    if not store.exists(asked.bucket, asked.key):
        return refused(S3Refusal(404, "NoSuchKey", "There is no such folder.", asked.resource))
    return Response(headers={"ETag": EMPTY_ETAG}, media_type="application/x-directory")


def _delete_objects(asked: S3Request, body: bytes, store: S3FolderStore) -> Response:
    wanted = parse_deletions(body)
    if wanted is None:
        message = "The body is not a Delete document with 1 to 1,000 keys. Nothing was deleted."
        return refused(S3Refusal(400, "MalformedXML", message, asked.resource))
    deleted, failed = [], list(wanted.refused)
    for key in wanted.keys:
        try:
            store.delete(asked.bucket, key)
        except OSError as error:
            failed.append(RefusedKey(key, "InternalError", f"The system refused: {error.strerror}."))
        else:
            deleted.append(key)
    return Response(deletions_xml([] if wanted.quiet else deleted, failed), media_type="application/xml")
