"""Which host and path leads where, through the real edge."""

from collections.abc import Iterator

import httpx
import pytest
from noteyard.store.hub_routes import put_route

from tests.support.installation import Installation, installation
from tests.support.waiting import until


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("edge") / "state") as running:
        running.person("alice")
        yield running


def internal(hub: Installation, path: str, method: str = "GET", **arguments: object) -> httpx.Response:
    headers = {"Authorization": f"Bearer {hub.instance.secret('internal')}"}
    return httpx.request(method, f"{hub.instance.internal_url('api')}{path}", headers=headers, **arguments)  # type: ignore[arg-type]


def test_the_hubs_host_is_shared_by_api_and_hub(hub: Installation) -> None:
    client = hub.client()
    assert client.get("/portal/").json() == "the portal"
    assert client.get("/hub/health").status_code == 200
    assert client.get("/somewhere").headers["location"].endswith("/hub/somewhere"), "the hub's default route"


@pytest.mark.parametrize("host", ["localhost", "alice.localhost", "sales.apps.localhost", "outputs.apps.localhost"])
def test_what_is_internal_is_on_no_public_host(hub: Installation, host: str) -> None:
    answer = hub.client(host).get("/internal/v1/edge", headers={"Authorization": "Bearer x"})
    assert answer.status_code in (302, 401, 404)
    assert "routers" not in answer.text


def test_internal_routes_want_the_secret(hub: Installation) -> None:
    url = hub.instance.internal_url("api")
    for path in ("/internal/v1/edge", "/internal/v1/hub-routes"):
        answer = httpx.get(f"{url}{path}", headers={"Authorization": "Bearer wrong"})
        assert answer.status_code == 401
        assert answer.json()["detail"] == "This address is for Noteyard's own parts."
        assert internal(hub, path).status_code == 200


def test_a_lab_that_is_off_leads_to_the_hubs_own_host(hub: Installation) -> None:
    answer = hub.client("bob.localhost").get("/user/bob/lab")
    assert answer.headers["location"] == f"{hub.urls.hub}/hub/user/bob/lab"


@pytest.mark.parametrize("path", ["/hub/login", "/hub/api/", "/", "/portal/"])
def test_the_hub_itself_is_not_on_labs_hosts(hub: Installation, path: str) -> None:
    answer = hub.client("bob.localhost").get(path)
    assert (answer.status_code, answer.headers["location"]) == (302, f"{hub.urls.hub}/")


def test_any_other_host_leads_to_the_hubs(hub: Installation) -> None:
    for host in ("127.0.0.1", "example.com"):
        assert hub.client(host).get("/hub/login").headers["location"] == f"{hub.urls.hub}/"


def test_metrics_are_inside_alone(hub: Installation) -> None:
    assert "jupyterhub_" in httpx.get(f"{hub.instance.internal_url('hub')}/hub/metrics").text
    assert hub.client().get("/hub/metrics").status_code == 302
    assert "traefik_" in httpx.get(f"{hub.instance.internal_url('edge')}/metrics").text
    assert "traefik_" not in hub.client().get("/metrics").text


def test_a_route_is_served_when_its_marker_says_so(hub: Installation) -> None:
    from noteyard.edge import marker

    target = hub.instance.internal_url("api")
    routespec = "new.localhost/user/new/"
    url = f"{hub.instance.internal_url('edge')}{marker(routespec, target)}"
    assert httpx.get(url).status_code == 404
    internal(hub, "/internal/v1/hub-routes", "PUT", json={"routespec": routespec, "target": target, "data": {}})
    until(lambda: httpx.get(url).status_code == 200, 10, "the marker")
    assert hub.client("new.localhost").get("/user/new/").status_code == 404, "answered by the API, without a redirect"
    internal(hub, "/internal/v1/hub-routes", "DELETE", params={"routespec": routespec})
    until(lambda: httpx.get(url).status_code == 404, 10, "the marker's end")
    assert hub.client("new.localhost").get("/user/new/").status_code == 302


def test_a_target_that_is_gone_is_said_in_words(hub: Installation) -> None:
    with hub.database.write() as session:
        put_route(session, "dead.localhost/user/dead/", "http://127.0.0.1:9", {"user": "dead"})
    client = hub.client("dead.localhost")
    answer = until(lambda: (page := client.get("/user/dead/")).status_code == 502 and page, 10, "the dead route")
    assert answer
    assert "This part of Noteyard does not answer right now" in answer.text
    internal(hub, "/internal/v1/hub-routes", "DELETE", params={"routespec": "dead.localhost/user/dead/"})


def test_routes_that_could_change_a_rule_are_refused(hub: Installation) -> None:
    for routespec, target in (
        ("a`)/", "http://127.0.0.1:1"),
        ("a.localhost/", "http://x` y"),
        ("no-slash", "http://x"),
    ):
        body = {"routespec": routespec, "target": target, "data": {}}
        assert internal(hub, "/internal/v1/hub-routes", "PUT", json=body).status_code == 422
