"""Requests a second through the edge against configurable-http-proxy, to the same small upstream, by wrk."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from noteyard.backends.local.edge import main_entrypoint, static_config
from noteyard.edge import MAIN, Route, Upstream, Workload, dynamic_config
from noteyard.instance import Instance
from noteyard.settings import Settings
from noteyard.urls import PublicUrls

from benchmarks.measuring import Row, a_second, in_turn, started
from benchmarks.peers import proxy_program
from tests.support.ports import free_port
from tests.support.product import Product
from tests.support.waiting import until

TRAEFIK = Path(sys.prefix) / "bin" / "traefik"
LOAD = ["-t2", "-c64", "-d5s", "--timeout", "10s"]
PERSON, SLUG = "ada", "proxied"


def measure(product: Product, folder: Path, rounds: int) -> Iterator[Row]:
    if shutil.which("wrk") is None:
        raise RuntimeError("The edge is measured with wrk. Install it: sudo apt-get install wrk")
    product.publish(product.add("gatekeeper"), product.write("proxied.ipynb", "1"), SLUG, "--audience", "public")
    cookie = _visitor(product)
    lab, dashboard = f"{PERSON}.localhost:{product.port}", f"{SLUG}.apps.localhost:{product.port}"
    with ExitStack() as stack:
        upstream = stack.enter_context(_upstream(folder))
        peer = stack.enter_context(_peer(folder, upstream))
        edge = stack.enter_context(_edge(product, folder, upstream))
        path = f"/user/{PERSON}/"
        # Both proxies find the request's route among their routes, as they do for a lab.
        plain = in_turn(rounds, lambda: _load(f"{peer}{path}", lab), lambda: _load(f"{edge}{path}", lab))
        asked = in_turn(
            rounds,
            lambda: _load(f"{peer}{path}", lab),
            lambda: _load(f"{edge}/live/", dashboard, f"Cookie: {cookie}"),
        )
    yield plain.row("Requests through the edge to a lab (configurable-http-proxy)", "at least 2x", a_second)
    yield asked.row("The same to a dashboard: each request is authorised by the API", "", a_second)


def _visitor(product: Product) -> str:
    """The cookie of an anonymous visitor of the dashboard's host."""
    host = f"{SLUG}.apps.localhost:{product.port}"
    answer = httpx.get(f"http://127.0.0.1:{product.port}/", headers={"Host": host}).raise_for_status()
    return "; ".join(f"{name}={value}" for name, value in answer.cookies.items())


def _load(url: str, host: str, *headers: str) -> float:
    words = [word for header in (f"Host: {host}", *headers) for word in ("-H", header)]
    done = subprocess.run(["wrk", *LOAD, *words, url], capture_output=True, text=True, check=True, timeout=60)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(f"requests to {url} failed:\n{done.stdout}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    assert found is not None, done.stdout
    return float(found[1])


@contextmanager
def _traefik(folder: Path, name: str, static: dict[str, Any], dynamic: dict[str, Any]) -> Iterator[None]:
    rules = folder / f"{name}-rules.yaml"
    rules.write_text(json.dumps(dynamic))
    config = folder / f"{name}.yaml"
    config.write_text(json.dumps({**static, "providers": {"file": {"filename": str(rules)}}}))
    with started([TRAEFIK, f"--configFile={config}"], folder / f"{name}.log", os.environ, folder):
        yield


@contextmanager
def _upstream(folder: Path) -> Iterator[str]:
    """A small server: Traefik's ping, which answers "OK"."""
    address = f"127.0.0.1:{free_port()}"
    router = {"rule": "PathPrefix(`/`)", "service": "ping@internal", "entryPoints": ["small"]}
    static = {"entryPoints": {"small": {"address": address}}, "ping": {"manualRouting": True}}
    with _traefik(folder, "upstream", static, {"http": {"routers": {"all": router}}}):
        until(lambda: _answers(f"http://{address}/", address), 30, "the upstream")
        yield f"http://{address}"


@contextmanager
def _peer(folder: Path, upstream: str) -> Iterator[str]:
    port, api = free_port(), free_port()
    command = [proxy_program(), "--ip", "127.0.0.1", "--port", port, "--api-ip", "127.0.0.1", "--api-port", api]
    env = {**os.environ, "CONFIGPROXY_AUTH_TOKEN": "benchmark"}
    address = f"http://127.0.0.1:{port}"
    with started([str(word) for word in command], folder / "proxy.log", env, folder):
        routes = f"http://127.0.0.1:{api}/api/routes"
        token = {"Authorization": "token benchmark"}
        until(lambda: _answers(routes, f"127.0.0.1:{api}", token), 30, "configurable-http-proxy")
        made = httpx.post(f"{routes}/user/{PERSON}", headers=token, json={"target": upstream})
        made.raise_for_status()
        until(lambda: _answers(f"{address}/user/{PERSON}/", "localhost"), 10, "its route")
        yield address


@contextmanager
def _edge(product: Product, folder: Path, upstream: str) -> Iterator[str]:
    """The product's edge with its own configuration, its API authorising, and the upstream in its labs' place."""
    settings = Settings(state=product.state, port=product.port)
    instance, urls = Instance.of(settings), PublicUrls.of(settings)
    port = free_port()
    static = static_config(settings, urls, instance)
    static["entryPoints"][MAIN] = main_entrypoint(f"127.0.0.1:{port}")
    static["entryPoints"] = {MAIN: static["entryPoints"][MAIN], "internal": {"address": f"127.0.0.1:{port + 1}"}}
    routes = [Route(f"{PERSON}.localhost/user/{PERSON}/", upstream)]
    workloads = [Workload(SLUG, upstream.removeprefix("http://"))]
    rules = dynamic_config(urls, Upstream(instance.internal_url("api")), routes, workloads)
    address, host = f"http://127.0.0.1:{port}", f"{PERSON}.localhost:{product.port}"
    with _traefik(folder, "edge", static, rules):
        until(lambda: _answers(f"{address}/user/{PERSON}/", host), 30, "the edge")
        yield address


def _answers(url: str, host: str, headers: dict[str, str] | None = None) -> bool:
    try:
        return httpx.get(url, headers={"Host": host, **(headers or {})}, timeout=5).status_code == 200
    except httpx.TransportError:
        return False
