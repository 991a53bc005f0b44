"""Runs by REST: who sees, starts and cancels them, and with which values."""

import json
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient
from noteyard.store.tables import Run

from tests.support.app import api, browser
from tests.support.rows import add_person, notebook
from tests.support.upload import release_of, schedule_of, send_release

BOUNDED = """
from datetime import date
from typing import Annotated
from annotated_types import Le
day: date
n: Annotated[int, Le(1)]
"""


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
    made = schedule_of(ada)
    shares = {"shares": [{"kind": "person", "name": "bob", "role": "viewer"}]}
    assert ada.put(f"/api/v1/schedules/{made['id']}/shares", json=shares).status_code == 200
    refused = bob.post("/api/v1/runs", json={"release": made["release"]})
    assert refused.status_code == 403
    assert refused.json()["detail"] == "This release is somebody else's: its code would run with your keys."
    shares = {"shares": [{"kind": "group", "name": "sales", "role": "manager"}]}
    ada.put(f"/api/v1/schedules/{made['id']}/shares", json=shares)
    assert bob.post("/api/v1/runs", json={"release": made["release"]}).status_code == 201


def test_a_run_whose_values_can_not_be_filled_in_is_listed_with_those_it_was_given(
    app: FastAPI, ada: TestClient
) -> None:
    release = release_of(ada, "print(day, n)", parameters=BOUNDED)
    given = {"day": "{{ due | date }}", "n": "{{ attempt }}"}
    made = schedule_of(ada, release=release, parameters=given)
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
    made = schedule_of(ada, release=release, parameters={"day": "{{ due | date }}"}, timezone="UTC")
    run = ada.post(f"/api/v1/schedules/{made['id']}/run").json()
    with app.state.database.write() as session:
        session.get_one(Run, run["id"]).schedule = None
    assert ada.get(f"/api/v1/runs/{run['id']}").json()["parameters"] == {"day": run["due"][:10]}
    assert ada.post(f"/api/v1/runs/{run['id']}/rerun", json={}).json()["parameters"] == {"day": run["due"][:10]}


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
