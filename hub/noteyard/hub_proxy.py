"""JupyterHub's proxy: its routes are rows that the API keeps and the edge asks for.

`add_route` returns when every edge serves the route, which it sees by the route's marker (see edge.py) on the edge's
internal entry point; `delete_route` when none does any more. An edge that takes no connections serves nobody and is not
waited for while another answers: a pod on a lost node keeps its address for minutes. While the API or the edge is away,
both wait: a lab that has started is not stopped because a part restarts at that moment.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from jupyterhub.proxy import Proxy
from traitlets import Float, List, Unicode

from noteyard.edge import marker

T = TypeVar("T")

FIRST_DELAY = 0.05
NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)
LONGEST_DELAY = {"api": 2.0, "edge": 0.1}


async def every_address(url: str) -> list[str]:
    """The URL by each address that its host's name has now: one for each replica behind a headless Service.

    Raises httpx.ConnectError when the name is not known.
    """
    parts = urlsplit(url)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise httpx.ConnectError(f"{parts.hostname}: {error}") from error
    hosts = sorted({f"[{address[0]}]" if family is socket.AF_INET6 else address[0] for family, *_, address in found})
    return [f"{parts.scheme}://{host}:{parts.port}" for host in hosts]


class NoteyardProxy(Proxy):  # type: ignore[misc]
    """Routes over HTTP to the API; started by nobody here."""

    should_start = False

    api_url = Unicode(help="Internal base URL of the API.").tag(config=True)
    secret = Unicode(help="The installation's internal secret.").tag(config=True)
    edge_urls = List(Unicode(), help="Internal entry points of all edges.").tag(config=True)
    patience = Float(60.0, help="Seconds to wait for an API or an edge that is away.").tag(config=True)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(5, connect=2, pool=None)
        )  # thousands of labs wait their turn

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        """Add a route and wait until it is served. Raises TimeoutError when API or edge stay away."""
        routespec = self.validate_routespec(routespec)
        await self._call("PUT", json={"routespec": routespec, "target": target, "data": data})
        await self._until_edges_answer(200, routespec, target)

    async def delete_route(self, routespec: str) -> None:
        """Delete a route and wait until it is no longer served; fine when there is none."""
        routespec = self.validate_routespec(routespec)
        before = (await self.get_all_routes()).get(routespec)
        if before is None:
            return
        await self._call("DELETE", params={"routespec": routespec})
        await self._until_edges_answer(404, routespec, before["target"])

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        """The hub's routes; workloads' routes are none of its business."""
        answer = await self._call("GET")
        routes: dict[str, dict[str, Any]] = answer.json()
        return routes

    async def _call(self, method: str, **arguments: Any) -> httpx.Response:
        async def ask() -> httpx.Response | None:
            headers = {"Authorization": f"Bearer {self.secret}"}
            answer = await self._http.request(
                method, f"{self.api_url}/internal/v1/hub-routes", headers=headers, **arguments
            )
            if answer.status_code >= 500:
                return None
            return answer.raise_for_status()

        return await self._persist(ask, f"The API at {self.api_url} did not answer.", "api")

    async def _until_edges_answer(self, status: int, routespec: str, target: str) -> None:
        path = marker(routespec, target)
        for url in self.edge_urls:

            async def look(url: str = url) -> bool | None:
                return await self._all_answer(status, url, path) or None

            await self._persist(look, f"The edge at {url} did not take the change of route {routespec}.", "edge")

    async def _all_answer(self, status: int, url: str, path: str) -> bool:
        """Whether all edges that can be connected to answer so. Raises httpx.TransportError when none can."""
        asked = [self._http.get(f"{each}{path}") for each in await every_address(url)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        there = [answer for answer in answers if not isinstance(answer, NOT_CONNECTED)]
        for answer in there or answers:
            if isinstance(answer, BaseException):
                raise answer
        return all(isinstance(answer, httpx.Response) and answer.status_code == status for answer in there)

    async def _persist(self, attempt: Callable[[], Awaitable[T | None]], complaint: str, part: str) -> T:
        """What `attempt` returns, tried again with growing delays while it returns None or can't connect."""
        delay = FIRST_DELAY
        try:
            async with asyncio.timeout(self.patience):
                while True:
                    try:
                        result = await attempt()
                    except httpx.TransportError as error:
                        self.log.warning("%s Trying again: %r", complaint, error)
                        result = None
                    if result is not None:
                        return result
                    await asyncio.sleep(delay)
                    delay = min(delay * 2, LONGEST_DELAY[part])
        except TimeoutError:
            raise TimeoutError(f"{complaint} Gave up after {self.patience:g} s.") from None
