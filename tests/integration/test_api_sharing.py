"""Runs, schedules and dashboards by REST: who sees and does what with somebody else's."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from noteyard.domain import WorkloadState
from noteyard.store.dashboards import get_dashboard, live_processes
from noteyard.store.tables import Attempt, Run, Schedule
from noteyard.store.workloads import Report, begin_process, process_by_token, report_process
from sqlalchemy import select

from tests.support.app import api, browser
from tests.support.rows import add_person, notebook
from tests.support.upload import release_of, send_release

BOUNDED = """
from datetime import date
from typing import Annotated
from annotated_types import Le
day: date
n: Annotated[int, Le(1)]
"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    with api(tmp_path) as app:
        with app.state.database.write() as session:
            add_person(session, "ada")
            add_person(session, "bob", "sales")
            add_person(session, "eve")
            add_person(session, "root", admin=True)
        yield app


@pytest.fixture
def ada(app: FastAPI) -> TestClient:
    return browser(app, "ada")


@pytest.fixture
def bob(app: FastAPI) -> TestClient:
    return browser(app, "bob")


@pytest.fixture
def root(app: FastAPI) -> TestClient:
    return browser(app, "root")


def schedule(client: TestClient, **fields: object) -> dict[str, object]:
    release = release_of(client, "print(n)", parameters="n: int = 1")
    body = {"name": "nightly", "release": release, "cron": "0 6 * * *", "timezone": "Europe/Berlin", **fields}
    answer = client.post("/api/v1/schedules", json=body)
    assert answer.status_code == 201, answer.text
    model: dict[str, object] = answer.json()
    return model


def test_a_run_is_queued_with_checked_parameters(ada: TestClient) -> None:
    release = release_of(ada, "print(n)", parameters="n: int = 1\nword: str = 'a'")
    run = ada.post("/api/v1/runs", json={"release": release, "parameters": {"n": 3}}).json()
    assert (run["state"], run["parameters"], run["owner"]) == ("queued", {"n": 3, "word": "a"}, "ada")
    refused = ada.post("/api/v1/runs", json={"release": release, "parameters": {"n": "x", "m": 1}})
    assert refused.status_code == 422
    assert {field["field"] for field in refused.json()["fields"]} == {"n", "m"}


def test_a_body_that_is_no_json_is_said_to_be_none(ada: TestClient) -> None:
    answer = ada.post("/api/v1/runs", content="{bad", headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    [field] = answer.json()["fields"]
    assert field["field"] == "request"
    assert field["message"].startswith("its body is not JSON: Expecting property name")
    assert field["message"].endswith("at character 1")


def test_runs_of_others_are_not_seen_but_administrators_see_states(
    ada: TestClient, bob: TestClient, root: TestClient
) -> None:
    run = ada.post("/api/v1/runs", json={"release": release_of(ada, "1")}).json()["id"]
    assert bob.get(f"/api/v1/runs/{run}").status_code == 404
    assert bob.get("/api/v1/runs").json()["items"] == []
    assert root.get(f"/api/v1/runs/{run}").status_code == 200
    refused = root.get(f"/api/v1/runs/{run}/outputs")
    assert refused.status_code == 403
    assert root.post(f"/api/v1/runs/{run}/cancel").json()["state"] == "cancelled"


def test_somebody_elses_release_does_not_run_with_ones_own_keys(ada: TestClient, bob: TestClient) -> None:
    made = schedule(ada)
    shares = {"shares": [{"kind": "person", "name": "bob", "role": "viewer"}]}
    assert ada.put(f"/api/v1/schedules/{made['id']}/shares", json=shares).status_code == 200
    refused = bob.post("/api/v1/runs", json={"release": made["release"]})
    assert refused.status_code == 403
    assert refused.json()["detail"] == "This release is somebody else's: its code would run with your keys."
    shares = {"shares": [{"kind": "group", "name": "sales", "role": "manager"}]}
    ada.put(f"/api/v1/schedules/{made['id']}/shares", json=shares)
    assert bob.post("/api/v1/runs", json={"release": made["release"]}).status_code == 201


def test_viewers_see_a_schedule_and_managers_change_it(app: FastAPI, ada: TestClient, bob: TestClient) -> None:
    made = schedule(ada)
    path = f"/api/v1/schedules/{made['id']}"
    assert bob.get(path).status_code == 404
    ada.put(f"{path}/shares", json={"shares": [{"kind": "group", "name": "sales", "role": "viewer"}]})
    assert bob.get(path).json()["name"] == "nightly"
    assert [item["id"] for item in bob.get("/api/v1/schedules").json()["items"]] == [made["id"]]
    refused = bob.post(f"{path}/pause")
    assert refused.status_code == 403
    assert refused.json()["detail"] == "You may see the schedule 'nightly', but not stop it."
    ada.put(f"{path}/shares", json={"shares": [{"kind": "person", "name": "bob", "role": "manager"}]})
    assert bob.post(f"{path}/pause").json()["paused"] is True
    assert bob.post(f"{path}/run").json()["owner"] == "ada"


def test_a_rule_whose_zone_is_gone_is_seen_and_paused(app: FastAPI, ada: TestClient) -> None:
    path = f"/api/v1/schedules/{schedule(ada)['id']}"
    run = ada.post(f"{path}/run").json()
    with app.state.database.write() as session:
        session.scalars(select(Schedule)).one().timezone = "Gone/Away"
        session.get_one(Run, run["id"]).timezone = "Gone/Away"
    (listed,) = ada.get("/api/v1/schedules").json()["items"]
    assert (listed["description"], listed["upcoming"]) == ("There is no time zone named `Gone/Away`.", [])
    assert ada.post(f"{path}/pause").json()["paused"] is True
    assert "There is no time zone named `Gone/Away`." in ada.get("/portal/schedules").text
    assert ada.get(f"/portal/schedules/{listed['id']}").status_code == 200
    assert ada.get(f"/api/v1/runs/{run['id']}").json()["parameters"] == {}
    resumed = ada.post(f"{path}/resume")
    assert (resumed.status_code, resumed.json()["detail"]) == (422, "There is no time zone named `Gone/Away`.")


def test_a_run_whose_values_can_not_be_filled_in_is_listed_with_those_it_was_given(
    app: FastAPI, ada: TestClient
) -> None:
    release = release_of(ada, "print(day, n)", parameters=BOUNDED)
    given = {"day": "{{ due | date }}", "n": "{{ attempt }}"}
    made = schedule(ada, release=release, parameters=given)
    ids = [ada.post(f"/api/v1/schedules/{made['id']}/run").json()["id"] for _ in range(2)]
    with app.state.database.write() as session:
        retried, parted = (session.get_one(Run, id) for id in ids)
        retried.attempt = 2
        parted.schedule = parted.timezone = None
    shown = {run["id"]: run["parameters"] for run in ada.get("/api/v1/runs").json()["items"]}
    assert shown == dict.fromkeys(ids, given)
    for page in ("/", "/portal/runs", *(f"/portal/runs/{id}" for id in ids)):
        assert ada.get(page).status_code == 200
    again = ada.post(f"/api/v1/runs/{ids[1]}/rerun", json={})
    assert again.status_code == 422
    assert {field["field"] for field in again.json()["fields"]} == {"day", "n"}


def test_a_run_outlives_its_schedule_with_the_values_it_had(app: FastAPI, ada: TestClient) -> None:
    release = release_of(ada, "print(day)", parameters="from datetime import date\nday: date")
    made = schedule(ada, release=release, parameters={"day": "{{ due | date }}"}, timezone="UTC")
    run = ada.post(f"/api/v1/schedules/{made['id']}/run").json()
    with app.state.database.write() as session:
        session.get_one(Run, run["id"]).schedule = None
    assert ada.get(f"/api/v1/runs/{run['id']}").json()["parameters"] == {"day": run["due"][:10]}
    assert ada.post(f"/api/v1/runs/{run['id']}/rerun", json={}).json()["parameters"] == {"day": run["due"][:10]}


def test_a_transferred_schedule_waits_for_its_new_owner(ada: TestClient, bob: TestClient) -> None:
    path = f"/api/v1/schedules/{schedule(ada)['id']}"
    moved = ada.post(f"{path}/transfer", json={"owner": "bob"}).json()
    assert (moved["owner"], moved["paused"], moved["upcoming"]) == ("bob", True, [])
    assert moved["paused_reason"] == "Transferred from ada: resume it to run it with your keys."
    assert ada.get(path).status_code == 404
    assert len(bob.post(f"{path}/resume").json()["upcoming"]) == 5


def test_who_gave_a_schedule_away_can_not_run_it_with_the_new_owners_keys(ada: TestClient, bob: TestClient) -> None:
    path = f"/api/v1/schedules/{schedule(ada)['id']}"
    shares = [
        {"kind": "person", "name": "ada", "role": "manager"},
        {"kind": "group", "name": "sales", "role": "viewer"},
    ]
    ada.put(f"{path}/shares", json={"shares": shares})
    ada.post(f"{path}/transfer", json={"owner": "bob"})
    assert ada.post(f"{path}/resume").status_code == 404
    assert ada.post(f"{path}/run").status_code == 404
    assert [share["role"] for share in bob.get(path).json()["shares"]] == ["viewer"]


def test_a_schedule_says_how_far_behind_it_is_and_moves(ada: TestClient) -> None:
    made = schedule(ada)
    newer = release_of(ada, "print(n + 1)", parameters="n: int = 1")
    path = f"/api/v1/schedules/{made['id']}"
    assert (ada.get(path).json()["releases_behind"], ada.get(path).json()["newest_release"]) == (1, newer)
    moved = ada.patch(path, json={"release": newer}).json()
    assert (moved["release"], moved["releases_behind"]) == (newer, 0)
    again = release_of(ada, "print(n)", parameters="n: int = 1")
    assert again == made["release"], "the same content is the same release"
    found = ada.get(path).json()
    assert (found["releases_behind"], found["newest_release"]) == (1, again)


def test_a_time_limit_that_is_emptied_is_the_default_one(ada: TestClient) -> None:
    made = schedule(ada, timeout=60)
    path = f"/api/v1/schedules/{made['id']}"
    assert ada.patch(path, json={"timeout": 90}).json()["timeout"] == 90
    assert ada.patch(path, json={"timeout": None}).json()["timeout"] == schedule(ada)["timeout"] == 86400


def test_a_profile_that_was_closed_to_somebody_runs_nothing_for_them(tmp_path: Path) -> None:
    profiles = [{"name": "default"}, {"name": "large", "groups": ["sales"]}]
    with api(tmp_path, profiles=profiles) as app:
        with app.state.database.write() as session:
            add_person(session, "root", admin=True)
            add_person(session, "bob", "sales")
        bob = browser(app, "bob")
        release = send_release(bob, {"report.ipynb": json.dumps(notebook("1")).encode()}, profile="large").json()["id"]
        assert bob.post("/api/v1/runs", json={"release": release}).status_code == 201
        browser(app, "root").patch("/api/v1/people/bob", json={"groups": []})
        refused = bob.post("/api/v1/runs", json={"release": release})
        assert refused.status_code == 422
        assert refused.json()["fields"][0] == {
            "field": "profile",
            "message": "'large' is not open to you; choose one of: default",
        }


def test_a_wrong_rule_zone_or_template_is_named(ada: TestClient) -> None:
    release = release_of(ada, "print(n)", parameters="n: int = 1")
    for change, field in (
        ({"cron": "61 * * * *"}, "cron"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
        ({"parameters": {"n": "{{ due | nope }}"}}, "n"),
        ({"parameters": {"x": 1}}, "x"),
    ):
        body = {"name": "s", "release": release, "cron": "0 6 * * *", **change}
        answer = ada.post("/api/v1/schedules", json=body)
        assert answer.status_code == 422, answer.text
        assert [item["field"] for item in answer.json()["fields"]] == [field]


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
    newer = bob.post("/api/v1/dashboards/sales/versions", json={"release": release_of(bob, "2")})
    assert newer.status_code == 201, newer.text
    with app.state.database.write() as session:
        dashboard = get_dashboard(session, "sales")
        assert dashboard.publisher == "ada", "bob's version has not rendered"
        for number in (1, 2):
            id, token = begin_process(session, dashboard, number, False, 1)
            session.flush()
            report_process(session, process_by_token(session, id, token), Report(WorkloadState.READY))
        assert (dashboard.current, dashboard.publisher) == (2, "bob")
    for number, client, name, stopped in ((1, ada, "ada", [1]), (2, ada, "ada", [1]), (2, bob, "bob", [1, 2])):
        assert client.post("/api/v1/dashboards/sales/rollback", json={"version": number}).status_code == 200
        with app.state.database.read() as session:
            dashboard = get_dashboard(session, "sales")
            assert (dashboard.current, dashboard.publisher) == (number, name)
            processes = live_processes(session, dashboard.id)
            assert sorted(process.version for process in processes if process.stop) == stopped


def test_a_link_that_cannot_be_a_host_is_refused(ada: TestClient) -> None:
    release = release_of(ada, "1")
    for slug in ("Sales", "-a", "a.b", "hub", "outputs", "x" * 64):
        answer = ada.post("/api/v1/dashboards", json={"release": release, "slug": slug, "title": "T"})
        assert answer.status_code == 422, slug
        assert answer.json()["fields"][0]["field"] == "slug"


def test_pages_of_a_list_follow_one_another(ada: TestClient) -> None:
    release = release_of(ada, "1")
    ids = [ada.post("/api/v1/runs", json={"release": release}).json()["id"] for _ in range(5)]
    seen, cursor = [], None
    while True:
        page = ada.get("/api/v1/runs", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [run["id"] for run in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ids[::-1]


def test_an_apps_host_in_capitals_is_an_apps_host(app: FastAPI) -> None:
    client = TestClient(app, base_url="http://x.APPS.localhost:8000", raise_server_exceptions=False)
    answer = client.get("/internal/v1/metrics", headers={"Accept": "application/json"}, follow_redirects=False)
    assert answer.status_code == 503
    assert "asleep" in answer.text


def test_a_disabled_owners_schedule_is_not_resumed_by_a_manager(
    ada: TestClient, bob: TestClient, root: TestClient
) -> None:
    path = f"/api/v1/schedules/{schedule(ada)['id']}"
    ada.put(f"{path}/shares", json={"shares": [{"kind": "person", "name": "bob", "role": "manager"}]})
    root.patch("/api/v1/people/ada", json={"disabled": True})
    for what in ("resume", "run"):
        refused = bob.post(f"{path}/{what}")
        assert refused.status_code == 409
        assert refused.json()["detail"] == "'ada' is disabled."


def test_what_administrators_read_of_others_is_audited(tmp_path: Path) -> None:
    with api(tmp_path, admin_access=True) as app:
        with app.state.database.write() as session:
            add_person(session, "ada")
            add_person(session, "root", admin=True)
        ada, root = browser(app, "ada"), browser(app, "root")
        release = release_of(ada, "1")
        run = ada.post("/api/v1/runs", json={"release": release}).json()["id"]
        with app.state.database.write() as session:
            outputs = [{"name": "notebook.html", "size": 1}]
            session.add(Attempt(run=run, number=1, token_hash="x", epoch=1, outputs=outputs))
        assert ada.get(f"/portal/runs/{run}").status_code == 200
        assert root.get(f"/portal/runs/{run}").status_code == 200
        assert root.get(f"/api/v1/releases/{release}/files/report.ipynb").status_code == 200
        entries = [(entry["who"], entry["action"]) for entry in root.get("/api/v1/audit").json()["items"]]
        assert entries.count(("root", "run.read")) == 1
        assert entries.count(("root", "release.read")) == 1
        assert not [entry for entry in entries if entry == ("ada", "run.read")]


def test_only_who_may_edit_a_schedule_sees_whole_webhooks(ada: TestClient, bob: TestClient, root: TestClient) -> None:
    url = "https://hooks.example.org:8443/services/T0/secret"
    path = f"/api/v1/schedules/{schedule(ada, alerts={'webhooks': [url]})['id']}"

    def shown(client: TestClient) -> list[str]:
        listed = client.get("/api/v1/schedules").json()["items"][0]
        assert client.get(path).json()["alerts"] == listed["alerts"]
        hooks: list[str] = listed["alerts"]["webhooks"]
        return hooks

    assert shown(ada) == [url]
    for role, hooks in (("viewer", ["https://hooks.example.org:8443/…"]), ("manager", [url])):
        assert ada.put(f"{path}/shares", json={"shares": [{"kind": "person", "name": "bob", "role": role}]}).is_success
        assert shown(bob) == hooks
    assert shown(root) == ["https://hooks.example.org:8443/…"]
