"""A Kubernetes API with one kind of object, whose watches break, stall and forget on command."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from kubernetes_asyncio import client
from noteyard.backends.kubernetes.cluster import Cluster


def pod(id: str, **status: Any) -> dict[str, Any]:
    """A pod of a run's attempt; running unless its status says otherwise."""
    return {
        "metadata": {"uid": id, "name": id, "labels": {"noteyard/id": id}, "resourceVersion": "1"},
        "spec": {"containers": []},
        "status": {"phase": "Running", **status},
    }


class SmallApi:
    """`objects` are what a list answers; what is put into `changes` goes to the watch that is open.

    `asked` is the last list's query: whose pods are wanted, and how many.
    """

    def __init__(self) -> None:
        self.objects: list[dict[str, Any]] = []
        self.lists = 0
        self.asked: dict[str, str] = {}
        self.watches = 0
        self.status = 200
        self.changes: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    def change(self, kind: str, item: dict[str, Any]) -> None:
        self.changes.put_nowait({"type": kind, "object": item})

    def forget(self) -> None:
        """The place from which the watch goes on is too old."""
        gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
        self.changes.put_nowait({"type": "ERROR", "object": gone})

    def hang_up(self) -> None:
        self.changes.put_nowait(None)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        if self.status != 200:
            return web.json_response({"message": "not now"}, status=self.status)
        if "watch" in request.query:
            return await self._watch(request)
        self.lists += 1
        self.asked = dict(request.query)
        return web.json_response({"metadata": {"resourceVersion": "7"}, "items": self.objects})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        assert request.query["resourceVersion"] == "7"
        self.watches += 1
        stream = web.StreamResponse()
        await stream.prepare(request)
        while (change := await self.changes.get()) is not None:
            await stream.write(json.dumps(change).encode() + b"\n")
        assert request.transport is not None
        request.transport.close()
        return stream


class SmallCluster(Cluster):
    """Speaks with a SmallApi."""

    def __init__(self, host: str) -> None:
        super().__init__()
        self._host = host

    async def client(self) -> client.ApiClient:
        if self._client is None:
            self._client = client.ApiClient(client.Configuration(host=self._host))
        return self._client


@asynccontextmanager
async def small_api() -> AsyncIterator[tuple[SmallApi, SmallCluster]]:
    api = SmallApi()
    app = web.Application()
    app.router.add_get("/api/v1/namespaces/users/pods", api.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    cluster = SmallCluster(f"http://127.0.0.1:{runner.addresses[0][1]}")
    yield api, cluster
    await cluster.close()
    await runner.cleanup()
