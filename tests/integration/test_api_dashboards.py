"""Dashboards by REST: who sees, opens and changes them."""

from fastapi import FastAPI
from fastapi.testclient import TestClient
from noteyard.domain import WorkloadState
from noteyard.store.dashboards import get_dashboard, live_processes
from noteyard.store.workloads import Report, begin_process, process_by_token, report_process

from tests.support.app import browser, reader
from tests.support.upload import release_of

BOUNDED = """
from datetime import date
from typing import Annotated
from annotated_types import Le
day: date
n: Annotated[int, Le(1)]
"""


def test_a_dashboard_is_seen_by_its_audience(app: FastAPI, ada: TestClient, bob: TestClient, root: TestClient) -> None:
    release = release_of(ada, "1")
    body = {"release": release, "slug": "sales", "title": "Sales", "audience": "groups", "groups": ["sales"]}
    made = ada.post("/api/v1/dashboards", json=body).json()
    assert (made["state"], made["url"]) == ("publishing", "http://localhost:8000/d/sales/")
    assert bob.get("/api/v1/dashboards/sales").json()["may_manage"] is False
    assert browser(app, "eve").get("/api/v1/dashboards/sales").status_code == 404
    assert bob.delete("/api/v1/dashboards/sales").status_code == 403
    assert ada.post("/api/v1/dashboards", json=body).json()["detail"] == "The link 'sales' is taken."
    assert ada.patch("/api/v1/dashboards/sales", json={"audience": "me"}).status_code == 200
    assert bob.get("/api/v1/dashboards/sales").status_code == 404
    assert root.delete("/api/v1/dashboards/sales").status_code == 204
    assert ada.post("/api/v1/dashboards", json=body).status_code == 201


def test_a_newer_version_leaves_out_values_that_the_notebook_no_longer_takes(ada: TestClient, root: TestClient) -> None:
    first = release_of(ada, "1", parameters="n: int = 1\nm: int = 2")
    body = {"release": first, "slug": "sales", "title": "Sales", "parameters": {"n": 5, "m": 6}}
    assert ada.post("/api/v1/dashboards", json=body).status_code == 201
    newer = {"release": release_of(ada, "2", parameters="m: int = 2")}
    path = "/api/v1/dashboards/sales/versions"
    assert ada.post(path, json={**newer, "parameters": {"n": 5}}).status_code == 422
    assert ada.post(path, json=newer).status_code == 201
    assert ada.post(path, json={"release": release_of(ada, "3")}).status_code == 201
    noted = root.get("/api/v1/audit", params={"thing": "sales"}).json()["items"]
    assert [entry["detail"].get("left_out") for entry in noted] == [["m", "n"], ["n"], None]


def test_who_may_look_at_a_dashboard_reads_no_source(ada: TestClient, bob: TestClient) -> None:
    release = release_of(ada, "secret = 1")
    body = {"release": release, "slug": "sales", "title": "Sales", "audience": "people", "people": ["bob"]}
    assert ada.post("/api/v1/dashboards", json=body).status_code == 201
    assert bob.get("/api/v1/dashboards/sales").status_code == 200
    assert bob.get(f"/api/v1/releases/{release}").status_code == 404
    assert bob.get(f"/api/v1/releases/{release}/files/report.ipynb").status_code == 404
    managers = {"shares": [{"kind": "person", "name": "bob", "role": "manager"}]}
    ada.put("/api/v1/dashboards/sales/shares", json=managers)
    assert bob.get(f"/api/v1/releases/{release}/files/report.ipynb").status_code == 200


def test_the_list_of_dashboards_is_of_those_one_may_open(ada: TestClient, bob: TestClient) -> None:
    def seen() -> list[str]:
        return [item["slug"] for item in bob.get("/api/v1/dashboards").json()["items"]]

    body = {"release": release_of(ada, "1"), "slug": "sales", "title": "Sales"}
    ada.post("/api/v1/dashboards", json={**body, "audience": "groups", "groups": ["sales"]})
    assert seen() == ["sales"]
    for audience in ("people", "me"):
        ada.patch("/api/v1/dashboards/sales", json={"audience": audience})
        assert bob.get("/api/v1/dashboards/sales").status_code == 404
        assert seen() == []
    ada.patch("/api/v1/dashboards/sales", json={"audience": "people", "people": ["bob"]})
    assert seen() == ["sales"]


def test_a_dashboard_has_its_data_in_the_name_of_who_went_back_to_a_version(
    app: FastAPI, ada: TestClient, bob: TestClient
) -> None:
    ada.post("/api/v1/dashboards", json={"release": release_of(ada, "1"), "slug": "sales", "title": "Sales"})
    ada.put("/api/v1/dashboards/sales/shares", json={"shares": [{"kind": "person", "name": "bob", "role": "manager"}]})

    def serve(number: int) -> str:
        with app.state.database.write() as session:
            dashboard = get_dashboard(session, "sales")
            assert dashboard.publisher == "ada", "bob's version has not rendered"
            id, token = begin_process(session, dashboard, number, False, 1)
            session.flush()
            report_process(session, process_by_token(session, id, token), Report(WorkloadState.READY))
            assert dashboard.current == number
            return dashboard.publisher

    assert serve(1) == "ada"
    newer = bob.post("/api/v1/dashboards/sales/versions", json={"release": release_of(bob, "2")})
    assert newer.status_code == 201, newer.text
    assert serve(2) == "bob"
    for number, client, name, stopped in ((1, ada, "ada", [1]), (2, ada, "ada", [1]), (2, bob, "bob", [1, 2])):
        assert client.post("/api/v1/dashboards/sales/rollback", json={"version": number}).status_code == 200
        with app.state.database.read() as session:
            dashboard = get_dashboard(session, "sales")
            assert (dashboard.current, dashboard.publisher) == (number, name)
            processes = live_processes(session, dashboard.id)
            assert sorted(process.version for process in processes if process.stop) == stopped


def test_only_a_change_of_what_its_code_is_told_ends_live_sessions(app: FastAPI, ada: TestClient) -> None:
    ada.post("/api/v1/dashboards", json={"release": release_of(ada, "1"), "slug": "sales", "title": "Sales"})
    with app.state.database.write() as session:
        begin_process(session, get_dashboard(session, "sales"), 1, True, 1)

    def stopped(**change: object) -> bool:
        assert ada.patch("/api/v1/dashboards/sales", json=change).status_code == 200
        with app.state.database.read() as session:
            (process,) = live_processes(session, get_dashboard(session, "sales").id)
            return process.stop

    assert not stopped(description="Of the north", reads_viewer=False)
    assert stopped(reads_viewer=True)


def test_a_link_that_cannot_be_a_host_is_refused(ada: TestClient) -> None:
    release = release_of(ada, "1")
    for slug in ("Sales", "-a", "a.b", "hub", "outputs", "x" * 64):
        answer = ada.post("/api/v1/dashboards", json={"release": release, "slug": slug, "title": "T"})
        assert answer.status_code == 422, slug
        assert answer.json()["fields"][0]["field"] == "slug"


def test_an_apps_host_in_capitals_is_an_apps_host(app: FastAPI) -> None:
    client = TestClient(app, base_url="http://x.APPS.localhost:8000", raise_server_exceptions=False)
    answer = client.get("/internal/v1/metrics", headers={"Accept": "application/json"}, follow_redirects=False)
    assert answer.status_code == 503
    assert "asleep" in answer.text


def test_a_title_is_more_than_blanks(ada: TestClient) -> None:
    body = {"release": release_of(ada, "1"), "slug": "sales", "title": "  "}
    refused = ada.post("/api/v1/dashboards", json=body)
    assert (refused.status_code, refused.json()["fields"]) == (
        422,
        [{"field": "title", "message": "String should have at least 1 character"}],
    )
    assert ada.post("/api/v1/dashboards", json={**body, "title": " Sales "}).json()["title"] == "Sales"
    assert ada.patch("/api/v1/dashboards/sales", json={"title": " \t"}).status_code == 422
    assert ada.patch("/api/v1/dashboards/sales", json={"title": " Costs"}).json()["title"] == "Costs"


def test_numbers_and_times_that_nothing_has_are_refused_in_words(app: FastAPI, ada: TestClient) -> None:
    release = release_of(ada, "1")
    assert ada.post("/api/v1/dashboards", json={"release": release, "slug": "sales", "title": "S"}).status_code == 201
    answer = ada.post("/api/v1/dashboards/sales/rollback", json={"version": 10**20})
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "version")
    made = ada.post("/api/v1/schedules", json={"name": "s", "release": release, "cron": "0 6 * * *"}).json()
    page = reader(app, "ada")
    for before, said in (
        ("2026-11-22", "before: "),
        ("0001-01-01T00:00:00+14:00", "A value can&#39;t be used: it holds a character, a number or a time"),
    ):
        answer = page.get(f"/portal/schedules/{made['id']}", params={"before": before})
        assert answer.status_code == 422
        assert said in answer.text
    answer = reader(app, "root").get("/portal/audit", params={"cursor": "9" * 20})
    assert answer.status_code == 422
