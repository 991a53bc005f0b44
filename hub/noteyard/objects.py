"""The object store: releases' files, runs' outputs, dashboards' renderings. A folder on one machine, S3 elsewhere.

Keys (made by the functions below, which refuse anything that is not one plain name a segment):

    releases/blobs/<first two of sha256>/<sha256>     a file of a release, by content
    runs/<run>/<attempt number>/<name>                an output of an attempt
    dashboards/<dashboard>/<version>/<name>           a version's last good rendering and card

Writes are atomic: a reader sees the whole object or none. The same key written twice holds the later content.
"""

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore

from noteyard.errors import NotFound, Unavailable

BLOBS = "releases/blobs/"
RUNS = "runs/"
DASHBOARDS = "dashboards/"
CHUNK = 1024 * 1024
FRESH = timedelta(hours=1)
BLOB_GRACE = timedelta(days=1)
"""A blob that no release names is swept when it is older than this: before, its release may be on its way."""
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def blob_key(sha256: str) -> str:
    """Key of a release's file. Raises ValueError when `sha256` is not 64 lower-case hex digits."""
    if not _SHA256.fullmatch(sha256):
        raise ValueError(f"{sha256!r} is not a SHA-256 in hex")
    return f"{BLOBS}{sha256[:2]}/{sha256}"


def run_prefix(run: str) -> str:
    """What the keys of all outputs of a run begin with."""
    return f"{RUNS}{_segment(run)}/"


def output_key(run: str, attempt: int, name: str) -> str:
    """Key of an attempt's output, e.g. `notebook.html`."""
    return f"{run_prefix(run)}{attempt}/{_segment(name)}"


def dashboard_prefix(dashboard: str) -> str:
    """What the keys of all files of a dashboard begin with."""
    return f"{DASHBOARDS}{_segment(dashboard)}/"


def rendering_key(dashboard: str, version: int, name: str) -> str:
    """Key of a version's `rendering.html` or `card.png`."""
    return f"{dashboard_prefix(dashboard)}{version}/{_segment(name)}"


def _segment(text: str) -> str:
    if not _SEGMENT.fullmatch(text):
        raise ValueError(f"{text!r} can't be part of an object's key: letters, digits, dots, hyphens, underscores")
    return text


@dataclass(frozen=True)
class Stored:
    """An object that exists: key, size in bytes, when it was last written (UTC)."""

    key: str
    size: int
    modified: datetime


@dataclass(frozen=True)
class Opened:
    """An object being read: its description, and its content in chunks of about 1 MiB."""

    stored: Stored
    chunks: AsyncIterator[bytes]


class Objects:
    """A store of objects by key; safe to use from several threads and processes at once.

    Reading a key that does not exist raises NotFound; a store that can't be reached raises Unavailable. Every call
    exists twice: blocking, and with `_async` for event loops.
    """

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    def in_folder(cls, folder: Path) -> Self:
        """Objects as files under `folder`, as `Instance.objects` names it."""
        return cls(LocalStore(folder, automatic_cleanup=True, mkdir=True))

    def put(self, key: str, content: bytes | Path) -> None:
        """Store bytes, or a file's content."""
        with _explained(key):
            obstore.put(self._store, key, content)

    async def put_async(self, key: str, content: bytes | Path | AsyncIterator[bytes]) -> None:
        """Store bytes, a file's content, or a stream's; a stream that raises leaves the key as it was."""
        with _explained(key):
            await obstore.put_async(self._store, key, content)

    def get(self, key: str) -> bytes:
        with _explained(key):
            return bytes(obstore.get(self._store, key).bytes())

    async def get_async(self, key: str) -> bytes:
        with _explained(key):
            result = await obstore.get_async(self._store, key)
            return bytes(await result.bytes_async())

    async def put_blob_async(self, sha256: str, content: bytes | Path) -> None:
        """Store a release's file. One that is there already is written anew when it is old: it may be in nobody's
        release and about to be swept, and its age is what the sweep goes by."""
        stored = await self.head_async(blob_key(sha256))
        if stored is None or datetime.now(UTC) - stored.modified > FRESH:
            await self.put_async(blob_key(sha256), content)

    async def open_async(self, key: str) -> Opened:
        """The object's size and a stream of its content, for objects too large to hold in memory."""
        with _explained(key):
            result = await obstore.get_async(self._store, key)
        meta = result.meta
        return Opened(Stored(key, meta["size"], meta["last_modified"]), aiter(result.stream(CHUNK)))

    def head(self, key: str) -> Stored | None:
        """What is known of an object; None when it does not exist."""
        try:
            with _explained(key):
                meta = obstore.head(self._store, key)
        except NotFound:
            return None
        return Stored(key, meta["size"], meta["last_modified"])

    async def head_async(self, key: str) -> Stored | None:
        """What is known of an object; None when it does not exist."""
        try:
            with _explained(key):
                meta = await obstore.head_async(self._store, key)
        except NotFound:
            return None
        return Stored(key, meta["size"], meta["last_modified"])

    def exists(self, key: str) -> bool:
        return self.head(key) is not None

    async def exists_async(self, key: str) -> bool:
        return await self.head_async(key) is not None

    def list(self, prefix: str) -> Iterator[Stored]:
        """All objects whose key begins with `prefix`, which ends with a slash; in no order."""
        with _explained(prefix):
            for page in obstore.list(self._store, prefix):
                for meta in page:
                    yield Stored(meta["path"], meta["size"], meta["last_modified"])

    async def list_async(self, prefix: str) -> AsyncIterator[Stored]:
        """All objects whose key begins with `prefix`, which ends with a slash; in no order."""
        with _explained(prefix):
            async for page in obstore.list(self._store, prefix):
                for meta in page:
                    yield Stored(meta["path"], meta["size"], meta["last_modified"])

    def delete(self, keys: str | Iterable[str]) -> None:
        """Delete objects; those that do not exist count as deleted."""
        for key in _listed(keys):
            try:
                with _explained(key):
                    obstore.delete(self._store, key)
            except NotFound:
                continue

    async def delete_async(self, keys: str | Iterable[str]) -> None:
        """Delete objects; those that do not exist count as deleted."""
        for key in _listed(keys):
            try:
                with _explained(key):
                    await obstore.delete_async(self._store, key)
            except NotFound:
                continue

    async def delete_prefix_async(self, prefix: str) -> int:
        """Delete every object whose key begins with `prefix`; how many there were."""
        keys = [stored.key async for stored in self.list_async(prefix)]
        await self.delete_async(keys)
        return len(keys)


def _listed(keys: str | Iterable[str]) -> Sequence[str]:
    return [keys] if isinstance(keys, str) else list(keys)


@contextmanager
def _explained(key: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise NotFound(
            f"The stored file {key} does not exist.", "It may have expired; run the notebook again."
        ) from None
    except (BaseError, OSError) as error:
        raise Unavailable(f"The object store failed at {key}: {error}", "Try again in a moment.") from error
