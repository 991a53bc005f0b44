"""Schedules by REST: who sees, changes, gives away and resumes them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from noteyard.store import Database
from noteyard.store.schedules import set_shares, shares_of
from noteyard.store.tables import Attempt, Run, Schedule
from noteyard.store.workload_tables import Dashboard
from sqlalchemy import select, text

from tests.conftest import empty
from tests.support.app import api, browser
from tests.support.rows import add_person
from tests.support.upload import release_of, schedule_of
from tests.support.waiting import until

BOUNDED = """
from datetime import date
from typing import Annotated
from annotated_types import Le
day: date
n: Annotated[int, Le(1)]
"""


def test_viewers_see_a_schedule_and_managers_change_it(app: FastAPI, ada: TestClient, bob: TestClient) -> None:
    made = schedule_of(ada)
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
    path = f"/api/v1/schedules/{schedule_of(ada)['id']}"
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


def test_a_transferred_schedule_waits_for_its_new_owner(ada: TestClient, bob: TestClient) -> None:
    path = f"/api/v1/schedules/{schedule_of(ada)['id']}"
    moved = ada.post(f"{path}/transfer", json={"owner": "bob"}).json()
    assert (moved["owner"], moved["paused"], moved["upcoming"]) == ("bob", True, [])
    assert moved["paused_reason"] == "Transferred from ada: resume it to run it with your keys."
    assert ada.get(path).status_code == 404
    assert len(bob.post(f"{path}/resume").json()["upcoming"]) == 5


def test_who_was_given_a_schedule_shares_no_runs_of_who_had_it(
    ada: TestClient, bob: TestClient, root: TestClient
) -> None:
    path = f"/api/v1/schedules/{schedule_of(ada)['id']}"
    run = f"/api/v1/runs/{ada.post(f'{path}/run').json()['id']}"
    assert root.post(f"{path}/transfer", json={"owner": "root"}).status_code == 200
    shares = [{"kind": "person", "name": name, "role": "viewer"} for name in ("root", "bob")]
    assert root.put(f"{path}/shares", json={"shares": shares}).status_code == 200
    assert bob.get(path).status_code == 200
    assert bob.get(run).status_code == 404
    assert bob.get("/api/v1/runs").json()["items"] == []
    assert root.get(f"{run}/outputs").status_code == 403
    assert ada.get(f"{run}/outputs").status_code == 200


def test_who_gave_a_schedule_away_can_not_run_it_with_the_new_owners_keys(ada: TestClient, bob: TestClient) -> None:
    path = f"/api/v1/schedules/{schedule_of(ada)['id']}"
    shares = [
        {"kind": "person", "name": "ada", "role": "manager"},
        {"kind": "group", "name": "sales", "role": "viewer"},
    ]
    ada.put(f"{path}/shares", json={"shares": shares})
    ada.post(f"{path}/transfer", json={"owner": "bob"})
    assert ada.post(f"{path}/resume").status_code == 404
    assert ada.post(f"{path}/run").status_code == 404
    assert [share["role"] for share in bob.get(path).json()["shares"]] == ["viewer"]


@pytest.mark.parametrize("kind", ["schedules", "dashboards"])
def test_a_manager_can_not_stay_while_it_is_given_away(tmp_path: Path, postgres_url: str, kind: str) -> None:
    """PostgreSQL lets several write at once: what was allowed before the lock need not be so behind it."""
    empty(postgres_url)
    with api(tmp_path, database_url=postgres_url) as app:
        database: Database = app.state.database
        with database.write() as session:
            for name in ("ada", "bob", "mallory"):
                add_person(session, name)
        ada, mallory = browser(app, "ada"), browser(app, "mallory")
        if kind == "schedules":
            id = path = schedule_of(ada)["id"]
        else:
            body = {"release": release_of(ada, "1"), "slug": "sales", "title": "Sales"}
            path = "sales"
            id = ada.post("/api/v1/dashboards", json=body).json()["id"]
        shares = {"shares": [{"kind": "person", "name": "mallory", "role": "manager"}]}
        assert ada.put(f"/api/v1/{kind}/{path}/shares", json=shares).status_code == 200
        with ThreadPoolExecutor(1) as pool:
            with database.write() as session:
                given = session.get_one(Schedule if kind == "schedules" else Dashboard, id, with_for_update=True)
                given.owner = "bob"
                set_shares(session, kind.removesuffix("s"), id, [])
                session.flush()
                asked = pool.submit(mallory.put, f"/api/v1/{kind}/{path}/shares", json=shares)
                until(lambda: waits_for_a_lock(database), 20, "the other request waits")
            assert asked.result().status_code == 404
        with database.read() as session:
            assert shares_of(session, kind.removesuffix("s"), id) == []


def waits_for_a_lock(database: Database) -> bool:
    with database.engine.connect() as connection:
        found = connection.execute(text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"))
        return bool(found.scalar_one())


def test_fields_that_are_null_stay(ada: TestClient) -> None:
    made = schedule_of(ada)
    path = f"/api/v1/schedules/{made['id']}"
    rule = ("name", "release", "cron", "timezone", "parameters")
    changeable = (*rule, "catch_up", "catch_up_window", "overlap", "retries", "alerts")
    changed = ada.patch(path, json=dict.fromkeys(changeable))
    assert changed.status_code == 200, changed.text
    assert {name: changed.json()[name] for name in changeable} == {name: made[name] for name in changeable}


def test_a_schedule_says_how_far_behind_it_is_and_moves(ada: TestClient) -> None:
    made = schedule_of(ada)
    newer = release_of(ada, "print(n + 1)", parameters="n: int = 1")
    path = f"/api/v1/schedules/{made['id']}"
    assert (ada.get(path).json()["releases_behind"], ada.get(path).json()["newest_release"]) == (1, newer)
    moved = ada.patch(path, json={"release": newer}).json()
    assert (moved["release"], moved["releases_behind"]) == (newer, 0)
    again = release_of(ada, "print(n)", parameters="n: int = 1")
    assert again == made["release"], "the same content is the same release"
    found = ada.get(path).json()
    assert (found["releases_behind"], found["newest_release"]) == (1, again)


def test_a_move_leaves_out_values_that_the_notebook_no_longer_takes(ada: TestClient, root: TestClient) -> None:
    made = schedule_of(ada, parameters={"n": 5})
    path = f"/api/v1/schedules/{made['id']}"
    other = release_of(ada, "print(m)", parameters="m: int = 1")
    assert ada.patch(path, json={"release": other, "parameters": {"n": 5}}).status_code == 422
    moved = ada.patch(path, json={"release": other})
    assert moved.status_code == 200, moved.text
    assert moved.json()["parameters"] == {}
    noted = root.get("/api/v1/audit", params={"thing": made["id"]}).json()["items"]
    assert noted[0]["detail"] == {"fields": ["release"], "left_out": ["n"]}


def test_a_time_limit_that_is_emptied_is_the_default_one(ada: TestClient) -> None:
    made = schedule_of(ada, timeout=60)
    path = f"/api/v1/schedules/{made['id']}"
    assert ada.patch(path, json={"timeout": 90}).json()["timeout"] == 90
    assert ada.patch(path, json={"timeout": None}).json()["timeout"] == schedule_of(ada)["timeout"] == 86400


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


def test_a_disabled_owners_schedule_is_not_resumed_by_a_manager(
    ada: TestClient, bob: TestClient, root: TestClient
) -> None:
    path = f"/api/v1/schedules/{schedule_of(ada)['id']}"
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
    path = f"/api/v1/schedules/{schedule_of(ada, alerts={'webhooks': [url]})['id']}"

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
