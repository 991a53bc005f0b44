"""The hub's proxy class when the API or the edge stay away."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from noteyard.hub_proxy import NoteyardProxy

from tests.support.ports import free_port
from tests.support.small_server import serving

SPEC, TARGET = "ada.localhost/user/ada/", "http://127.0.0.1:1"


class Api(BaseHTTPRequestHandler):
    """Takes every change; fails the first `failures` times."""

    failures = 0

    def _answer(self) -> None:
        length = int(self.headers.get("content-length", 0))
        self.rfile.read(length)
        failed = Api.failures > 0
        Api.failures -= 1
        self.send_response(503 if failed else 200)
        self.end_headers()
        if not failed:
            self.wfile.write(json.dumps({SPEC: {"routespec": SPEC, "target": TARGET, "data": {}}}).encode())

    do_GET = do_PUT = do_DELETE = _answer

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def api() -> Iterator[str]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Api)) as address:
        yield address


def proxy(api: str, *edges: str) -> NoteyardProxy:
    return NoteyardProxy(api_url=api, secret="s", edge_urls=list(edges), patience=0.6, host_routing=True)


async def test_a_missing_api_is_named(api: str) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(TimeoutError, match=f"The API at {nobody} did not answer. Gave up after 0.6 s."):
        await proxy(nobody).add_route(SPEC, TARGET, {})


async def test_an_edge_that_does_not_take_the_route_is_named(api: str) -> None:
    edge = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(TimeoutError, match=f"The edge at {edge} did not take the change of route {SPEC}."):
        await proxy(api, edge).add_route(SPEC, TARGET, {})


async def test_an_api_that_fails_for_a_moment_is_asked_again(api: str) -> None:
    Api.failures = 2
    assert set(await proxy(api).get_all_routes()) == {SPEC}
    assert Api.failures < 0


async def test_every_edge_must_serve_the_route(api: str) -> None:
    await proxy(api, api, api).add_route(SPEC, TARGET, {})
    with pytest.raises(TimeoutError):
        await proxy(api, api).delete_route(SPEC)


async def test_an_edge_that_takes_no_connections_is_not_waited_for(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    edges = [f"http://127.0.0.1:{free_port()}", api]

    async def addresses(url: str) -> list[str]:
        return edges

    monkeypatch.setattr("noteyard.hub_proxy.every_address", addresses)
    await proxy(api, "http://edges").add_route(SPEC, TARGET, {})
    edges.pop()
    with pytest.raises(TimeoutError, match="The edge at http://edges did not take the change"):
        await proxy(api, "http://edges").add_route(SPEC, TARGET, {})
