"""Traefik's dynamic configuration, built from what there is to route. Pure.

Entry points (backends/local/edge.py): `main` for browsers, `internal` on loopback. On the hub's host some paths go to
the API and the rest to the hub; labs and dashboards are on hosts of their own; anything else is sent to the hub's host.
Every route of the hub has a marker beside it on `internal`: `/hub-routes/<marker>` answers 200 as soon as the edge has
loaded a configuration with exactly that route, and 404 before and after. So hub_proxy.py knows when a lab can be
reached, without versions and whichever API wrote or served the configuration.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from noteyard.urls import PublicUrls

MAIN, INTERNAL = "main", "internal"
DEFAULT_ROUTE = "/"
API_PATHS = ("/portal", "/api/v1", "/d", "/e", "/_assets")
UNAVAILABLE = "/portal/static/unavailable.html"
YEAR = 365 * 24 * 3600
REFUSAL_BYTES = 256 * 1024
WHO_ASKS = ("Cookie", "Authorization", "X-Noteyard-Viewer")
# From specific to general; Traefik takes the highest.
ASSETS, LIVE, LABS, API, REDIRECTS, APPS, HUB, ELSEWHERE = 80, 70, 60, 50, 40, 30, 20, 10


@dataclass(frozen=True)
class Route:
    """A route of the hub: `routespec` is `/`, `/path/` or `host/path/`, `target` an http URL."""

    routespec: str
    target: str


@dataclass(frozen=True)
class Workload:
    """A dashboard that is up: its slug and the `host:port` of its process."""

    slug: str
    address: str


@dataclass(frozen=True)
class Upstream:
    """Where the API is, and the certificate files of the public entry point, when there are some.

    `edition` changes when the files may have been renewed.
    """

    api: str
    certificate: tuple[Path, Path] | None = None
    edition: int = 0


def marker(routespec: str, target: str) -> str:
    """The path on `internal` that answers 200 while the edge serves exactly this route."""
    return f"/hub-routes/{_digest(f'{routespec} {target}')}"


def dynamic_config(
    urls: PublicUrls, upstream: Upstream, routes: Iterable[Route], workloads: Iterable[Workload]
) -> dict[str, Any]:
    """The whole configuration but S3's part, as Traefik's HTTP provider takes it."""
    routers: dict[str, Any] = {}
    services: dict[str, Any] = {"api": _service(upstream.api)}
    _fixed_routers(routers, urls)
    for route in routes:
        _hub_route(routers, services, route, urls)
    for workload in workloads:
        _workload(routers, services, workload, urls)
    config: dict[str, Any] = {
        "http": {"routers": routers, "services": services, "middlewares": _middlewares(urls, upstream)}
    }
    if upstream.certificate is not None:
        certificate, key = upstream.certificate
        default = {"defaultCertificate": {"certFile": str(certificate), "keyFile": str(key)}}
        # Traefik reads the files when its configuration changes: so one of no other use changes with them.
        options = {f"edition-{upstream.edition}": {"minVersion": "VersionTLS12"}}
        config["tls"] = {"stores": {"default": default}, "options": options}
    return config


def merged(*parts: Mapping[str, Any]) -> dict[str, Any]:
    """Parts of a configuration as one: mappings are joined at every depth, lists appended."""
    whole: dict[str, Any] = {}
    for part in parts:
        for key, value in part.items():
            before = whole.get(key)
            if isinstance(before, dict) and isinstance(value, Mapping):
                whole[key] = merged(before, value)
            elif isinstance(before, list):
                whole[key] = [*before, *value]
            else:
                whole[key] = value
    return whole


def _fixed_routers(routers: dict[str, Any], urls: PublicUrls) -> None:
    hub = _host(urls.hub_host)
    paths = [f"Path(`{path}`) || PathPrefix(`{path}/`)" for path in API_PATHS]
    routers["api"] = _router(f"{hub} && (Path(`/`) || {' || '.join(paths)})", "api", API, "hub-headers")
    routers["apps"] = _router(_hosts_below(urls.apps_host), "api", APPS, "headers")
    routers["elsewhere"] = _router("PathPrefix(`/`)", "noop@internal", ELSEWHERE, "to-hub")


def _hub_route(routers: dict[str, Any], services: dict[str, Any], route: Route, urls: PublicUrls) -> None:
    name = f"hub-{_digest(route.routespec)}"
    services[name] = _service(route.target)
    routers[f"{name}-marker"] = {
        "entryPoints": [INTERNAL],
        "rule": f"Path(`{marker(route.routespec, route.target)}`)",
        "service": "ping@internal",
    }
    if route.routespec == DEFAULT_ROUTE:
        # Metrics are for who can reach the hub itself.
        rule = f"{_host(urls.hub_host)} && !PathPrefix(`/hub/metrics`)"
        routers[name] = _router(rule, name, HUB, "hub-headers", "unavailable")
        # A lab that is off: the hub answers, and sends browsers to its own host.
        labs = f"{_hosts_below(urls.hub_host)} && PathPrefix(`/user/`)"
        routers[f"{name}-labs"] = _router(labs, name, HUB, "headers", "unavailable")
        return
    host, _, path = route.routespec.partition("/")
    rule = f"{_host(host or urls.hub_host)} && PathPrefix(`/{path}`)"
    routers[name] = _unobserved(_router(rule, name, LABS, "headers", "unavailable"))


def _workload(routers: dict[str, Any], services: dict[str, Any], workload: Workload, urls: PublicUrls) -> None:
    name = f"dashboard-{workload.slug}"
    services[name] = _service(f"http://{workload.address}")
    host = _host(urls.app_host(workload.slug))
    routers[name] = _router(f"{host} && PathPrefix(`/live/`)", name, LIVE, "headers", "authz")
    # Published packages' files, the same for everyone: nobody is asked, and the process learns of nobody who asks.
    assets = f"{host} && PathPrefix(`/live/assets/`) && (Method(`GET`) || Method(`HEAD`))"
    routers[f"{name}-assets"] = _unobserved(_router(assets, name, ASSETS, "headers", "anonymous"))


def _middlewares(urls: PublicUrls, upstream: Upstream) -> dict[str, Any]:
    headers: dict[str, Any] = {"contentTypeNosniff": True}
    if urls.secure:
        headers["stsSeconds"] = YEAR
    own_pages = {
        "referrerPolicy": "same-origin",
        # Labs and dashboards are other origins of the same site: they may not even embed what is here.
        "customResponseHeaders": {"Cross-Origin-Resource-Policy": "same-origin"},
    }
    return {
        "headers": {"headers": headers},
        "hub-headers": {"headers": {**headers, **own_pages}},
        "to-hub": {"redirectRegex": {"regex": ".*", "replacement": f"{urls.hub}/"}},
        # An empty value takes the header off.
        "anonymous": {"headers": {"customRequestHeaders": dict.fromkeys(WHO_ASKS, "")}},
        "unavailable": {"errors": {"status": ["502", "504"], "service": "api", "query": UNAVAILABLE}},
        "authz": {
            "forwardAuth": {
                "address": f"{upstream.api}/internal/v1/authz",
                "trustForwardHeader": False,
                "maxResponseBodySize": REFUSAL_BYTES,
                # Those the answer does not have are removed: the hub's cookies and tokens never reach people's code.
                "authResponseHeaders": [*WHO_ASKS, "X-Request-Id"],
            }
        },
    }


def _router(rule: str, service: str, priority: int, *middlewares: str) -> dict[str, Any]:
    return {
        "entryPoints": [MAIN],
        "rule": rule,
        "service": service,
        "priority": priority,
        "middlewares": list(middlewares),
    }


def _unobserved(router: dict[str, Any]) -> dict[str, Any]:
    # Most requests are these, and a line about each costs more than forwarding it, counting it a tenth. A lab's server
    # has a log and metrics of its own.
    return {**router, "observability": {"accessLogs": False, "metrics": False}}


def _service(url: str) -> dict[str, Any]:
    return {"loadBalancer": {"servers": [{"url": url}], "passHostHeader": True}}


def _host(name: str) -> str:
    return f"Host(`{name}`)"


def _hosts_below(name: str) -> str:
    return f"HostRegexp(`^[^.]+\\.{re.escape(name)}$`)"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
