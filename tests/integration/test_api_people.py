"""People by REST and in the portal: administration, who is shut out or removed, what administrators look at."""

import asyncio
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from noteyard.api.run_events import run_events
from noteyard.store.workload_tables import Dashboard, DashboardVersion
from sqlalchemy import select

from tests.support.app import api, browser
from tests.support.rows import add_person
from tests.support.upload import release_of, schedule_of


def test_a_look_at_a_dashboard_as_administrator_is_noted(tmp_path: Path) -> None:
    with api(tmp_path, admin_access=True) as app:
        with app.state.database.write() as session:
            add_person(session, "ada")
            add_person(session, "root", admin=True)
        ada, root = browser(app, "ada"), browser(app, "root")
        for slug, audience in (("own", "me"), ("open", "users")):
            body = {"release": release_of(ada, "1"), "slug": slug, "title": slug, "audience": audience}
            assert ada.post("/api/v1/dashboards", json=body).status_code == 201
            to_host = root.get(f"/d/{slug}/").headers["location"]
            viewer = TestClient(app, base_url=f"http://{slug}.apps.localhost:8000", follow_redirects=True)
            assert f"<title>{slug}" in viewer.get(to_host).text
        with app.state.database.write() as session:
            session.scalars(select(DashboardVersion)).first().has_card = True
            session.scalars(select(Dashboard).where(Dashboard.slug == "own")).one().current = 1
        assert root.get("/api/v1/dashboards/own/card.png").status_code == 404, "it never rendered"
        noted = root.get("/api/v1/audit").json()["items"]
    assert [(entry["thing"], entry["detail"]) for entry in noted if entry["action"] == "dashboard.read"] == [
        ("own", {"owner": "ada", "what": "card"}),
        ("own", {"owner": "ada", "what": "page"}),
    ]


def test_administrators_are_offered_to_open_only_what_they_may(ada: TestClient, root: TestClient) -> None:
    for slug, audience in (("own", "me"), ("open", "users")):
        body = {"release": release_of(ada, "1"), "slug": slug, "title": slug, "audience": audience}
        assert ada.post("/api/v1/dashboards", json=body).status_code == 201
    root.headers["Accept"] = "text/html"
    gallery = root.get("/portal/dashboards?every=true").text
    assert '/d/open/"' in gallery
    assert '/d/own/"' not in gallery
    assert 'href="/portal/dashboards/own"' in gallery
    assert ">Open</a>" in root.get("/portal/dashboards/open").text
    assert ">Open</a>" not in root.get("/portal/dashboards/own").text


def test_administration_is_for_administrators(ada: TestClient, root: TestClient) -> None:
    for path in ("/api/v1/people", "/api/v1/audit"):
        assert ada.get(path).json()["detail"] == "This is for administrators."
        assert root.get(path).status_code == 200
    added = root.post("/api/v1/people", json={"name": "new", "password": "long enough", "groups": ["sales"]})
    assert added.json()["groups"] == ["sales"]
    assert root.patch("/api/v1/people/root", json={"disabled": True}).status_code == 409


def test_somebody_disabled_loses_everything_at_once(app: FastAPI, ada: TestClient, root: TestClient) -> None:
    made = schedule_of(ada)
    assert root.patch("/api/v1/people/ada", json={"disabled": True}).json()["disabled"] is True
    assert ada.get("/api/v1/me").status_code == 401
    paused = root.get(f"/api/v1/schedules/{made['id']}").json()
    assert paused["paused"] is True
    assert "ada" in paused["paused_reason"]
    root.patch("/api/v1/people/ada", json={"disabled": False})
    assert ada.get("/api/v1/me").status_code == 401, "the old session stays ended"


@pytest.mark.parametrize("change", ["unshared", "disabled", "removed", "logged out", "nothing"])
async def test_a_runs_events_end_when_they_are_not_for_the_viewer_any_more(
    app: FastAPI, ada: TestClient, bob: TestClient, root: TestClient, change: str
) -> None:
    path = f"/api/v1/schedules/{schedule_of(ada)['id']}"
    ada.put(f"{path}/shares", json={"shares": [{"kind": "group", "name": "sales", "role": "viewer"}]})
    run = ada.post(f"{path}/run").json()["id"]
    cookie = f"noteyard-session={bob.cookies['noteyard-session']}".encode()
    scope = {"type": "http", "method": "GET", "path": "/", "app": app, "headers": [(b"cookie", cookie)]}
    events = run_events(run, Request(scope), app.state.database, "")
    assert (await anext(events)).event == "run"
    if change == "unshared":
        root.patch("/api/v1/people/bob", json={"groups": []})
    elif change == "disabled":
        root.patch("/api/v1/people/bob", json={"disabled": True})
    elif change == "removed":
        root.delete("/api/v1/people/bob")
    elif change == "logged out":
        bob.post("/portal/logout")
    if change == "nothing":
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(events), 3)
    else:
        with pytest.raises(StopAsyncIteration):
            await asyncio.wait_for(anext(events), 5)
        assert bob.get(f"/api/v1/runs/{run}/events").status_code in (401, 404)


def test_what_a_removed_person_left_is_purged_by_an_administrator(
    app: FastAPI, ada: TestClient, bob: TestClient, root: TestClient
) -> None:
    kept = root.get("/api/v1/people/ada/data")
    assert (kept.status_code, kept.json()["detail"]) == (
        409,
        "'ada' has not been removed; only what removed people left behind can be purged.",
    )
    schedule_of(ada)
    assert root.delete("/api/v1/people/ada").status_code == 204
    assert bob.delete("/api/v1/people/ada/data").json()["detail"] == "This is for administrators."
    assert root.delete("/api/v1/people/nobody/data").status_code == 404
    left = root.get("/api/v1/people/ada/data").json()
    assert (left["schedules"], left["releases"], left["state"]) == (1, 1, "kept")
    root.headers["Accept"] = "text/html"
    text = root.get("/portal/people/ada").text
    assert "<li>1 schedule with fires and alerts; not transferred</li><li>1 release that nothing else uses</li>" in text
    unsure = root.post("/portal/people/ada/purge", data={"confirm": "bob"})
    assert (unsure.status_code, "Type ada to confirm." in unsure.text) == (409, True)
    assert root.post("/portal/people/ada/purge", data={"confirm": "ada"}).status_code == 303
    assert "What ada left behind is being deleted, after" in root.get("/portal/people/ada").text
    assert root.delete("/api/v1/people/ada/data").json() == {**left, "state": "being purged"}
    noted = root.get("/api/v1/audit?thing=ada").json()["items"][0]
    assert (noted["who"], noted["action"], noted["detail"]["schedules"]) == ("root", "person.purge", 1)
