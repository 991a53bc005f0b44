"""Deletes what lies at a place of S3, by the names the server tells: also those that no path has (`a//b`, `folder/`).

Blocks: call it in a thread.
"""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

from noteyard.errors import Unavailable
from noteyard.s3_clients import s3_client
from noteyard.s3_place import Place
from noteyard.s3_sessions import Session
from noteyard.s3_settings import S3

log = structlog.get_logger(__name__)

AT_ONCE = 16
"""Requests. Each deletes one object: every server does that, where a delete of many needs a checksum of its kind."""
PAGE = 100
"""Names that are deleted between two looks at the clock."""
NEVER_MADE = "NoSuchBucket"
GONE_ALREADY = ("NoSuchKey", "404")
NOT_THEIRS = "AccessDenied"


def empty_place(options: S3, place: Place, keys: Session, seconds: float) -> bool:
    """Delete for so long at most, and PAGE more; whether all is gone. Raises Unavailable when the server does not."""
    from botocore.exceptions import BotoCoreError, ClientError

    client = s3_client(options, (keys.access_key, keys.secret, keys.token), AT_ONCE)
    until = time.monotonic() + seconds
    try:
        if place.prefix:
            _delete_namesake(client, place)
        with ThreadPoolExecutor(AT_ONCE) as threads:
            for names in _pages(client, place):
                if time.monotonic() > until:
                    return False
                list(threads.map(lambda name: _delete(client, place.bucket, name), names))
    except ClientError as error:
        code = _code(error)
        if code == NEVER_MADE:
            return True
        log.warning("S3 did not delete", place=place.url, code=code, error=str(error)[:500])
        raise Unavailable(f"{place.url} could not be deleted ({code}).", "It is tried again.") from None
    except BotoCoreError as error:
        what = type(error).__name__
        raise Unavailable(f"{place.url} could not be deleted ({what}).", "It is tried again.") from None
    finally:
        client.close()
    return True


def _pages(client: Any, place: Place) -> Iterator[list[str]]:
    below = {"Prefix": f"{place.prefix}/"} if place.prefix else {}
    size = {"PageSize": PAGE}
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, PaginationConfig=size, **below):
        yield [one["Key"] for one in page.get("Contents", [])]


def _delete_namesake(client: Any, place: Place) -> None:
    """Delete the object of the place's own name (`people/ada`), which the keys of a person let them write.

    Before all others, since MinIO lists none of them while it is there. Nobody asks whether it is: who may not list all
    of a bucket is told nothing of what is not.
    """
    from botocore.exceptions import ClientError

    try:
        _delete(client, place.bucket, place.prefix)
    except ClientError as error:
        # Keys of an administrator's own making may be for what is below it alone; then it is not the person's.
        if _code(error) != NOT_THEIRS:
            raise


def _delete(client: Any, bucket: str, name: str) -> None:
    from botocore.exceptions import ClientError

    try:
        client.delete_object(Bucket=bucket, Key=name)
    except ClientError as error:
        if _code(error) not in GONE_ALREADY:
            raise


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
