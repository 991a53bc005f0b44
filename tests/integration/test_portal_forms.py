"""The portal's forms: what a parameter schema makes of them, what they send, and errors at each field."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.support.app import api, reader
from tests.support.rows import add_person, add_some_release

PARAMETERS = """from datetime import date, datetime
from enum import Enum
from typing import Annotated, Literal
class Region(Enum):
    NORTH = "north"
    SOUTH = "south"
day: date = date(2026, 11, 22)  # Day to report on
station: Literal["Kassel", "Trier"] = "Kassel"
region: Region = Region.NORTH
share: float = 0.5
draft: bool = True
names: list[str] = ["a", "b"]
note: str | None = "hello"
since: datetime | None = None
extra: dict = {}
needed: int
today: date = date.today()"""
SENT = {"p.day": "2026-01-31", "p.needed": "3"}
POLICY = {"catch_up": "last", "catch_up_window": "24", "overlap": "skip", "retries": "0"}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    with api(tmp_path, mail={"host": "127.0.0.1"}) as app:
        with app.state.database.write() as session:
            add_person(session, "ada")
            add_person(session, "bob", "sales")
            add_person(session, "root", admin=True)
        yield app


@pytest.fixture
def ada(app: FastAPI) -> TestClient:
    return reader(app, "ada")


@pytest.fixture
def release(app: FastAPI) -> str:
    with app.state.database.write() as session:
        return add_some_release(session, "ada", parameters=PARAMETERS).id


def error_at(text: str, name: str) -> str:
    found = re.search(rf'id="{name}-error">([^<]*)<', text)
    return found.group(1) if found else ""


def test_each_type_has_its_field(ada: TestClient, release: str) -> None:
    text = ada.get(f"/portal/runs/new?release={release}").text
    assert re.search(r'id="p-day" name="p\.day" type="date" value="2026-11-22"', text)
    assert "Day to report on" in text
    assert '<option value="Kassel" selected>' in text
    assert '<option value="NORTH" selected>' in text
    assert re.search(r'id="p-share" name="p\.share" type="number" value="0\.5"[^>]*step="any"', text)
    assert re.search(r'type="checkbox" id="p-draft" name="p\.draft" value="true" checked', text)
    assert re.search(r'<textarea id="p-names"[^>]*>\na\nb</textarea>', text)
    assert re.search(r'type="datetime-local"[^>]*name="p\.since"', text)
    assert re.search(r'id="p-needed"[^>]*required', text)
    assert 'placeholder="computed: date.today()"' in text


def test_what_is_sent_becomes_values_of_the_declared_types(ada: TestClient, release: str) -> None:
    sent: dict[str, Any] = {
        **SENT,
        "p.station": "Trier",
        "p.region": "SOUTH",
        "p.share": "0.25",
        "p.draft": "false",
        "p.names": "x\r\n\r\ny z",
        "p.note": "",
        "p.since": "2026-07-01T10:00",
        "z.since": "Europe/Berlin",
        "p.extra": '{"a": [1]}',
        "p.today": "",
    }
    started = ada.post("/portal/runs/new", data={"release": release, "timeout": "1.5", "retries": "2", **sent})
    assert started.status_code == 303, started.text
    run = ada.get(started.headers["location"].replace("/portal/", "/api/v1/")).json()
    assert run["parameters"] == {
        "day": "2026-01-31",
        "station": "Trier",
        "region": "SOUTH",
        "share": 0.25,
        "draft": False,
        "names": ["x", "y z"],
        "note": None,
        "since": "2026-07-01T10:00:00+02:00",
        "extra": {"a": [1]},
        "needed": 3,
    }
    assert (run["timeout"], run["retries"]) == (90, 2)


def test_errors_stand_at_their_fields_and_nothing_typed_is_lost(ada: TestClient, release: str) -> None:
    sent = {"p.day": "tomorrow", "p.needed": "many", "p.names": "kept", "p.note": "<b>", "retries": "50"}
    refused = ada.post("/portal/runs/new", data={"release": release, **sent})
    assert refused.status_code == 422
    refused = ada.post("/portal/runs/new", data={"release": release, **sent, "retries": "0"})
    assert refused.status_code == 422
    assert "tomorrow" in error_at(refused.text, "p-day")
    assert "many" in error_at(refused.text, "p-needed")
    assert ">\nkept</textarea>" in refused.text
    assert 'value="&lt;b&gt;"' in refused.text
    zone = ada.post(
        "/portal/runs/new", data={"release": release, **SENT, "p.since": "2026-07-01T10:00", "z.since": "?"}
    )
    assert "is no time zone" in error_at(zone.text, "p-since")
    number = ada.post("/portal/runs/new", data={"release": release, **SENT, "timeout": "long"})
    assert "is not a number" in error_at(number.text, "f-timeout")


def test_a_run_is_repeated_with_its_values_in_the_form(ada: TestClient, release: str) -> None:
    run = ada.post("/portal/runs/new", data={"release": release, **SENT}).headers["location"].rsplit("/")[-1]
    text = ada.get(f"/portal/runs/new?release={release}&like={run}").text
    assert 'value="2026-01-31"' in text


def test_somebody_elses_release_makes_no_run(app: FastAPI, release: str) -> None:
    bob = reader(app, "bob")
    assert bob.get(f"/portal/runs/new?release={release}").status_code == 404
    assert bob.post("/portal/runs/new", data={"release": release, **SENT}).status_code == 404


def test_a_schedule_takes_templates_and_shows_its_due_times(ada: TestClient, release: str) -> None:
    plan = {"release": release, "name": "Nightly", "cron": "0 6 * * *", "timezone": "Europe/Berlin", "p.needed": "1"}
    refused = ada.post("/portal/schedules/new", data={**plan, **POLICY, "p.day": "{{ dew | date }}"})
    assert refused.status_code == 422
    assert "dew" in error_at(refused.text, "p-day")
    rule = ada.get("/portal/schedules/preview?cron=61+*+*+*+*&timezone=UTC")
    assert 'role="alert"' in rule.text
    zones = ada.get("/portal/schedules/preview?cron=0+6+*+*+*&timezone=Europe/Berlin").text
    assert zones.count("<tr>") == 6
    assert "06:00 CE" in zones
    made = ada.post("/portal/schedules/new", data={**plan, **POLICY, "p.day": "{{ due | date }}", "mail": "a@b.org"})
    assert made.status_code == 303, made.text
    page = made.headers["location"].split("?")[0]
    assert "{{ due | date }}" in ada.get(page).text
    changed = {**plan, **POLICY, "name": "Weekly", "cron": "0 6 * * 1", "p.day": "{{ due | days(-1) | date }}"}
    assert ada.post(f"{page}/edit", data=changed).status_code == 303
    assert "Weekly" in ada.get(page).text
    bad = ada.post(f"{page}/edit", data={**changed, "mail": "nobody"})
    assert error_at(bad.text, "f-mail")


def test_a_schedule_is_shared_run_paused_and_deleted(app: FastAPI, ada: TestClient, release: str) -> None:
    plan = {"release": release, "name": "Nightly", "cron": "0 6 * * *", "timezone": "UTC", **SENT, **POLICY}
    page = ada.post("/portal/schedules/new", data=plan).headers["location"].split("?")[0]
    bob = reader(app, "bob")
    assert bob.get(page).status_code == 404
    nobody = ada.post(f"{page}/shares", data={"kind": "group", "name": "nobodies", "role": "viewer"})
    assert "there is no group named nobodies" in nobody.text
    assert ada.post(f"{page}/shares", data={"kind": "group", "name": "sales", "role": "viewer"}).status_code == 303
    seen = bob.get(page).text
    assert "Nightly" in seen
    assert "Run now" not in seen
    assert bob.post(f"{page}/run").status_code == 403
    assert ada.post(f"{page}/shares", data={"remove": "group:sales"}).status_code == 303
    assert bob.get(page).status_code == 404
    assert ada.post(f"{page}/run").headers["location"].startswith("/portal/runs/r")
    assert ada.post(f"{page}/pause").status_code == 303
    assert "Paused by ada." in ada.get(page).text
    assert ada.post(f"{page}/resume").status_code == 303
    assert ada.post(f"{page}/transfer", data={"owner": "bob"}).status_code == 303
    assert "Transferred from ada" in bob.get(page).text
    assert bob.post(f"{page}/delete").status_code == 303


def test_a_schedule_moves_to_the_newest_release(app: FastAPI, ada: TestClient, release: str) -> None:
    plan = {"release": release, "name": "Nightly", "cron": "0 6 * * *", "timezone": "UTC", **SENT, **POLICY}
    page = ada.post("/portal/schedules/new", data=plan).headers["location"].split("?")[0]
    with app.state.database.write() as session:
        add_some_release(session, "ada", parameters=PARAMETERS.replace("needed: int", "wanted: int"))
    assert "1 release behind" in ada.get(page).text
    asked = ada.post(f"{page}/newest")
    assert asked.status_code == 422
    assert 'id="p-wanted"' in asked.text
    with app.state.database.write() as session:
        add_some_release(session, "ada", parameters=PARAMETERS.replace("needed: int", "wanted: int = 1"))
    moved = ada.post(f"{page}/newest")
    assert moved.status_code == 303, moved.text
    assert "Its notebook no longer takes needed." in ada.get(moved.headers["location"]).text


def test_another_release_is_chosen_for_a_schedule_that_is_there(app: FastAPI, ada: TestClient, release: str) -> None:
    plan = {"release": release, "name": "Nightly", "cron": "0 6 * * *", "timezone": "UTC", **SENT, **POLICY}
    page = ada.post("/portal/schedules/new", data=plan).headers["location"].split("?")[0]
    with app.state.database.write() as session:
        other = add_some_release(session, "ada", "other.ipynb").id
    assert f'href="{page}/edit?choose=1"' in ada.get(f"{page}/edit").text
    choosing = ada.get(f"{page}/edit?choose=1").text
    assert "Another release for Nightly" in choosing
    assert f'href="{page}/edit?choose=1">All notebooks' in ada.get(f"{page}/edit?choose=1&notebook=other.ipynb").text
    assert f'href="{page}/edit?release={other}"' in choosing
    form = ada.get(f"{page}/edit?release={other}").text
    assert f'<form method="post" action="{page}/edit">' in form
    assert f'name="release" value="{other}"' in form
    assert ada.post(f"{page}/edit", data={**plan, "release": other, "p.n": "1"}).status_code == 422, (
        "of another notebook"
    )
    moved = {name: text for name, text in plan.items() if name not in SENT}
    assert ada.post(f"{page}/edit", data={**moved, "release": other, "p.n": "1"}).status_code == 303
    assert [item["release"] for item in ada.get("/api/v1/schedules").json()["items"]] == [other]


def test_who_manages_a_schedule_of_somebody_else_is_offered_no_other_release(
    app: FastAPI, ada: TestClient, release: str
) -> None:
    plan = {"release": release, "name": "Nightly", "cron": "0 6 * * *", "timezone": "UTC", **SENT, **POLICY}
    page = ada.post("/portal/schedules/new", data=plan).headers["location"].split("?")[0]
    shares = {"shares": [{"kind": "person", "name": "bob", "role": "manager"}]}
    assert ada.put(f"{page.replace('portal', 'api/v1')}/shares", json=shares).status_code == 200
    bob = reader(app, "bob")
    form = bob.get(f"{page}/edit")
    assert form.status_code == 200, form.text
    assert "Choose another" not in form.text


def test_a_dashboard_is_published_changed_and_taken_down(app: FastAPI, ada: TestClient, release: str) -> None:
    form = ada.get(f"/portal/publish?release={release}").text
    assert 'value="report"' in form
    wanted = {"release": release, "title": "Sales", "slug": "sales", "audience": "groups", "groups": "sales", **SENT}
    unknown = ada.post("/portal/publish", data={**wanted, "groups": "nobodies"})
    assert "there is no group named nobodies" in error_at(unknown.text, "f-groups")
    assert ada.post("/portal/publish", data=wanted).status_code == 303
    taken = ada.post("/portal/publish", data=wanted)
    assert taken.status_code == 409
    assert "is taken" in taken.text
    bob = reader(app, "bob")
    assert "Sales" in bob.get("/portal/dashboards").text
    assert "Take it down" not in bob.get("/portal/dashboards/sales").text
    change = {"title": "Sales 2", "description": "", "audience": "me", "people": "", "groups": ""}
    assert ada.post("/portal/dashboards/sales/change", data=change).status_code == 303
    assert bob.get("/portal/dashboards/sales").status_code == 404
    empty = ada.post("/portal/dashboards/sales/change", data={**change, "title": ""})
    assert error_at(empty.text, "f-title")
    newer = ada.post("/portal/dashboards/sales/publish", data={"release": release, **SENT})
    assert newer.status_code == 303
    assert "Type sales to confirm." in ada.post("/portal/dashboards/sales/delete", data={"confirm": "x"}).text
    assert ada.post("/portal/dashboards/sales/delete", data={"confirm": "sales"}).status_code == 303
    assert ada.get("/portal/dashboards/sales").status_code == 404


def test_names_are_suggested_to_those_who_are_logged_in(app: FastAPI, ada: TestClient, release: str) -> None:
    with app.state.database.write() as session:
        add_person(session, "bella", "sales", "support").disabled = True
        add_person(session, "bo_b")
    found = {start: ada.get("/portal/names", params={"start": start}).json() for start in ("b", "BO", "bo_", "%", "x")}
    assert found == {"b": ["bo_b", "bob"], "BO": ["bo_b", "bob"], "bo_": ["bo_b"], "%": [], "x": []}
    assert ada.get("/portal/names", params={"start": "s", "kind": "group"}).json() == ["sales", "support"]
    ada.cookies.clear()
    assert ada.get("/portal/names", params={"start": "b"}).status_code != 200
