"""The edge's dynamic configuration as a whole."""

from pathlib import Path

from noteyard.edge import Route, Upstream, Workload, dynamic_config, marker, merged
from noteyard.urls import PublicUrls

URLS = PublicUrls("http://localhost:8000", "http://apps.localhost:8000", "http://localhost:8001")
SECURE = PublicUrls("https://lab.example.org", "https://apps.example.net", "https://s3.example.org")
API = Upstream("http://127.0.0.1:15001")
HUB = Route("/", "http://127.0.0.1:15002")
LAB = Route("alice.localhost/user/alice/", "http://127.0.0.1:41000")


def routers(*routes: Route, workloads: tuple[Workload, ...] = (), urls: PublicUrls = URLS) -> dict:
    return dynamic_config(urls, API, routes, workloads)["http"]["routers"]


def test_the_whole_of_a_small_installation() -> None:
    config = dynamic_config(URLS, API, [HUB, LAB], [Workload("sales", "127.0.0.1:42000")])
    hub, lab = (name for name in sorted(config["http"]["services"]) if name.startswith("hub-"))
    if config["http"]["services"][hub]["loadBalancer"]["servers"] != [{"url": HUB.target}]:
        hub, lab = lab, hub
    paths = ("/portal", "/api/v1", "/d", "/e", "/_assets")
    api_paths = " || ".join(f"Path(`{path}`) || PathPrefix(`{path}/`)" for path in paths)
    assert config == {
        "http": {
            "routers": {
                "api": {
                    "entryPoints": ["main"],
                    "rule": f"Host(`localhost`) && (Path(`/`) || {api_paths})",
                    "service": "api",
                    "priority": 50,
                    "middlewares": ["hub-headers"],
                },
                "apps": {
                    "entryPoints": ["main"],
                    "rule": "HostRegexp(`^[^.]+\\.apps\\.localhost$`)",
                    "service": "api",
                    "priority": 30,
                    "middlewares": ["headers"],
                },
                "elsewhere": {
                    "entryPoints": ["main"],
                    "rule": "PathPrefix(`/`)",
                    "service": "noop@internal",
                    "priority": 10,
                    "middlewares": ["to-hub"],
                },
                hub: {
                    "entryPoints": ["main"],
                    "rule": "Host(`localhost`) && !PathPrefix(`/hub/metrics`)",
                    "service": hub,
                    "priority": 20,
                    "middlewares": ["hub-headers", "unavailable"],
                },
                f"{hub}-labs": {
                    "entryPoints": ["main"],
                    "rule": "HostRegexp(`^[^.]+\\.localhost$`) && PathPrefix(`/user/`)",
                    "service": hub,
                    "priority": 20,
                    "middlewares": ["headers", "unavailable"],
                },
                f"{hub}-marker": {
                    "entryPoints": ["internal"],
                    "rule": f"Path(`{marker(HUB.routespec, HUB.target)}`)",
                    "service": "ping@internal",
                },
                lab: {
                    "entryPoints": ["main"],
                    "rule": "Host(`alice.localhost`) && PathPrefix(`/user/alice/`)",
                    "service": lab,
                    "priority": 60,
                    "middlewares": ["headers", "unavailable"],
                    "observability": {"accessLogs": False, "metrics": False},
                },
                f"{lab}-marker": {
                    "entryPoints": ["internal"],
                    "rule": f"Path(`{marker(LAB.routespec, LAB.target)}`)",
                    "service": "ping@internal",
                },
                "dashboard-sales": {
                    "entryPoints": ["main"],
                    "rule": "Host(`sales.apps.localhost`) && PathPrefix(`/live/`)",
                    "service": "dashboard-sales",
                    "priority": 70,
                    "middlewares": ["headers", "authz"],
                },
                "dashboard-sales-assets": {
                    "entryPoints": ["main"],
                    "rule": "Host(`sales.apps.localhost`) && PathPrefix(`/live/assets/`)"
                    " && (Method(`GET`) || Method(`HEAD`))",
                    "service": "dashboard-sales",
                    "priority": 80,
                    "middlewares": ["headers", "anonymous"],
                    "observability": {"accessLogs": False, "metrics": False},
                },
            },
            "services": {
                "api": service("http://127.0.0.1:15001"),
                hub: service(HUB.target),
                lab: service(LAB.target),
                "dashboard-sales": service("http://127.0.0.1:42000"),
            },
            "middlewares": {
                "headers": {"headers": {"contentTypeNosniff": True}},
                "hub-headers": {
                    "headers": {
                        "contentTypeNosniff": True,
                        "referrerPolicy": "same-origin",
                        "customResponseHeaders": {"Cross-Origin-Resource-Policy": "same-origin"},
                    }
                },
                "to-hub": {"redirectRegex": {"regex": ".*", "replacement": "http://localhost:8000/"}},
                "anonymous": {
                    "headers": {"customRequestHeaders": {"Cookie": "", "Authorization": "", "X-Noteyard-Viewer": ""}}
                },
                "unavailable": {
                    "errors": {
                        "status": ["502", "504"],
                        "service": "api",
                        "query": "/portal/static/unavailable.html",
                    }
                },
                "authz": {
                    "forwardAuth": {
                        "address": "http://127.0.0.1:15001/internal/v1/authz",
                        "trustForwardHeader": False,
                        "maxResponseBodySize": 256 * 1024,
                        "authResponseHeaders": ["Cookie", "Authorization", "X-Noteyard-Viewer", "X-Request-Id"],
                    }
                },
            },
        }
    }


def service(url: str) -> dict:
    return {"loadBalancer": {"servers": [{"url": url}], "passHostHeader": True}}


def test_a_lab_without_a_host_of_its_own_is_on_the_hubs_host_alone() -> None:
    rules = [router["rule"] for router in routers(Route("/user/alice/", LAB.target)).values()]
    assert "Host(`localhost`) && PathPrefix(`/user/alice/`)" in rules


def test_a_route_that_points_elsewhere_has_another_marker() -> None:
    moved = Route(LAB.routespec, "http://127.0.0.1:41001")
    assert marker(LAB.routespec, LAB.target) != marker(moved.routespec, moved.target)
    assert marker(HUB.routespec, LAB.target) != marker(LAB.routespec, LAB.target)
    assert set(routers(LAB)) == set(routers(moved)), "the router itself keeps its name"


def test_https_brings_hsts_and_the_certificate() -> None:
    files = (Path("/tls/chain.pem"), Path("/tls/key.pem"))
    config = dynamic_config(SECURE, Upstream(API.api, files, edition=7), [], [])
    assert config["http"]["middlewares"]["headers"]["headers"]["stsSeconds"] == 31536000
    assert config["tls"] == {
        "stores": {"default": {"defaultCertificate": {"certFile": "/tls/chain.pem", "keyFile": "/tls/key.pem"}}},
        "options": {"edition-7": {"minVersion": "VersionTLS12"}},
    }


def test_parts_are_joined_at_every_depth() -> None:
    first = {"http": {"routers": {"a": 1}}, "list": [1]}
    second = {"http": {"routers": {"b": 2}, "services": {}}, "list": [2]}
    assert merged(first, second) == {"http": {"routers": {"a": 1, "b": 2}, "services": {}}, "list": [1, 2]}
    assert first == {"http": {"routers": {"a": 1}}, "list": [1]}
