"""Objects of one kind, kept up to date by list and watch; every answer says at most how old it is."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from aiohttp import ClientError
from kubernetes_asyncio.client import ApiException
from kubernetes_asyncio.watch import Watch

from noteyard.backends.kubernetes.cluster import PATIENCE, asking, json_of
from noteyard.backends.kubernetes.manifests import Manifest

log = structlog.get_logger(__name__)

GONE = 410
RESYNC_SECONDS = 300
"""A watch lasts this long; then everything is listed anew, whatever was missed."""
SILENCE_SECONDS = 90.0
"""The API sends a bookmark about every minute; a watch without a word for longer leads nowhere any more."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 10.0

Lister = Callable[[], Awaitable[Callable[..., Awaitable[Any]]]]
"""Gives the client's method that lists and watches, e.g. `list_namespaced_pod`."""


class Watched:
    """The objects in a namespace that a label selector chooses, by uid, as JSON.

    What is remembered is never the last word: `look(0)` asks the API itself, and who is about to conclude that an
    object is gone does so.
    """

    def __init__(self, lister: Lister, namespace: str, selector: str) -> None:
        self._lister = lister
        self._where = {"namespace": namespace, "label_selector": selector}
        self._objects: dict[str, Manifest] = {}
        self._heard: float | None = None
        self._following: asyncio.Task[None] | None = None

    @property
    def age(self) -> float:
        """Seconds since the API last vouched for what is remembered; infinite before the first answer."""
        return time.monotonic() - self._heard if self._heard is not None else float("inf")

    async def look(self, at_most: float) -> list[Manifest]:
        """The objects as they were at most `at_most` seconds ago. Raises Unavailable when the API does not answer."""
        self._follow()
        if at_most > 0 and self.age <= at_most:
            return list(self._objects.values())
        with asking():
            found, _ = await self._list()
        return list(found.values())

    async def close(self) -> None:
        """Stop watching."""
        if self._following is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following
            self._following, self._heard = None, None

    def _follow(self) -> None:
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._keep_up())

    async def _keep_up(self) -> None:
        pause = FIRST_PAUSE
        while True:
            try:
                self._objects, version = await self._list()
                self._heard = time.monotonic()
                pause = FIRST_PAUSE
                await self._watch(version)
                continue
            except ApiException as error:
                if error.status == GONE:
                    continue  # what we have is too old to go on from: it is listed anew
                log.warning("watch refused", status=error.status, **self._where)
            except (ClientError, TimeoutError) as error:
                log.warning("watch broken", error=str(error) or type(error).__name__, **self._where)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _list(self) -> tuple[dict[str, Manifest], str]:
        method = await self._lister()
        answer = await method(**self._where, _preload_content=False, _request_timeout=PATIENCE)
        found: Mapping[str, Any] = await json_of(answer)
        return {item["metadata"]["uid"]: item for item in found["items"]}, found["metadata"]["resourceVersion"]

    async def _watch(self, version: str) -> None:
        """Take changes in until the watch is over."""
        options = {"allow_watch_bookmarks": True, "timeout_seconds": RESYNC_SECONDS}
        patience = (PATIENCE[0], SILENCE_SECONDS)
        watch = Watch("object")
        changes = watch.stream(
            await self._lister(), **self._where, **options, resource_version=version, _request_timeout=patience
        )
        async with changes:
            async for change in changes:
                self._take(change["type"], change["raw_object"])

    def _take(self, change: str, item: Manifest) -> None:
        self._heard = time.monotonic()
        if change == "DELETED":
            self._objects.pop(item["metadata"]["uid"], None)
        elif change in ("ADDED", "MODIFIED"):
            self._objects[item["metadata"]["uid"]] = item
