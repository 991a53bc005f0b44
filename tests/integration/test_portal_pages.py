"""The portal's pages as browsers get them: who may see what, and what is said where nothing is."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from noteyard.domain import Audience, RunState
from noteyard.store.people import create_person, set_password
from noteyard.store.runs import move
from noteyard.store.sessions import open_session
from noteyard.store.workload_tables import Dashboard
from sqlalchemy.orm import Session

from tests.support.app import HUB, api, browser
from tests.support.rows import add_person, add_run, add_some_release

PAGE = {"Accept": "text/html,application/xhtml+xml"}
PAGES = ("/", "/portal/runs", "/portal/runs/new", "/portal/schedules", "/portal/dashboards", "/portal/publish")
ADMINISTRATORS_PAGES = ("/portal/people", "/portal/audit")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    with api(tmp_path) as app:
        with app.state.database.write() as session:
            add_person(session, "ada")
            add_person(session, "bob")
            add_person(session, "root", admin=True)
        yield app


def page_of(app: FastAPI, person: str) -> TestClient:
    client = browser(app, person)
    client.headers.update(PAGE)
    return client


@pytest.mark.parametrize("path", PAGES)
def test_nobody_logged_in_is_sent_to_the_login_and_back(app: FastAPI, path: str) -> None:
    answer = TestClient(app, base_url=HUB, follow_redirects=False).get(path, headers=PAGE)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/portal/login?next={path}"


@pytest.mark.parametrize("path", (*PAGES, "/portal/usage", "/portal/account"))
def test_every_page_is_there_before_anything_was_made_under_a_strict_policy(app: FastAPI, path: str) -> None:
    answer = page_of(app, "ada").get(path)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert " style=" not in answer.text
    assert "<script>" not in answer.text


def test_home_says_that_the_hub_is_away_and_shows_the_rest(app: FastAPI) -> None:
    with app.state.database.write() as session:
        add_run(session, add_some_release(session, "ada"), "ada")
    text = page_of(app, "ada").get("/").text
    assert "The hub is away for the moment" in text
    assert "report.ipynb" in text
    assert "The hub is away for the moment" in page_of(app, "ada").get("/portal/parts/lab").text


@pytest.mark.parametrize("path", ADMINISTRATORS_PAGES)
def test_pages_of_administrators_are_for_them_alone(app: FastAPI, path: str) -> None:
    refused = page_of(app, "ada").get(path)
    assert refused.status_code == 403
    assert "for administrators" in refused.text
    assert page_of(app, "root").get(path).status_code == 200
    assert 'href="/portal/people"' not in page_of(app, "ada").get("/").text


def test_an_error_is_a_page_for_people_and_a_problem_for_programs(app: FastAPI) -> None:
    shown = page_of(app, "ada").get("/portal/runs/rnone")
    assert shown.status_code == 404
    assert "There is no run &#39;rnone&#39;." in shown.text
    assert 'href="/portal/runs"' in shown.text
    told = page_of(app, "ada").get("/api/v1/runs/rnone")
    assert told.headers["content-type"] == "application/problem+json"
    nothing = page_of(app, "ada").get("/portal/nothing")
    assert nothing.status_code == 404
    assert "There is nothing at /portal/nothing." in nothing.text


def test_a_change_from_elsewhere_is_refused(app: FastAPI) -> None:
    with app.state.database.write() as session:
        run = add_run(session, add_some_release(session, "ada"), "ada").id
    client = page_of(app, "ada")
    client.headers["Origin"] = "http://bob.localhost:8000"
    refused = client.post(f"/portal/runs/{run}/cancel")
    assert refused.status_code == 403
    assert "did not come from a page of Noteyard" in refused.text
    assert page_of(app, "ada").get(f"/api/v1/runs/{run}").json()["state"] == "queued"


def test_runs_are_filtered(app: FastAPI) -> None:
    with app.state.database.write() as session:
        add_run(session, add_some_release(session, "ada", "one.ipynb"), "ada")
        done = add_run(session, add_some_release(session, "ada", "two.ipynb"), "ada")
        move(done, RunState.CANCELLED)
        done_id = done.id
        add_run(session, add_some_release(session, "bob", "theirs.ipynb"), "bob")
    client = page_of(app, "ada")
    everything = client.get("/portal/runs").text
    assert "one.ipynb</a>" in everything
    assert "theirs.ipynb" not in everything
    cancelled = client.get("/portal/runs?state=cancelled&notebook=&schedule=").text
    assert f"/portal/runs/{done_id}" in cancelled
    assert "one.ipynb</a>" not in cancelled
    assert "No runs like that" in client.get("/portal/runs?state=lost").text
    assert "theirs.ipynb</a>" in page_of(app, "root").get("/portal/runs").text


def test_a_run_is_its_owners_to_see_cancel_and_run_again(app: FastAPI) -> None:
    with app.state.database.write() as session:
        run = add_run(session, add_some_release(session, "ada"), "ada", parameters={"n": 4}).id
    assert page_of(app, "bob").get(f"/portal/runs/{run}").status_code == 404
    client = page_of(app, "ada")
    shown = client.get(f"/portal/runs/{run}").text
    assert "It waits for a free place." in shown
    assert client.post(f"/portal/runs/{run}/cancel").status_code == 303
    assert "cancelled" in client.get(f"/portal/runs/{run}/state").text
    again = client.post(f"/portal/runs/{run}/rerun")
    assert 'n</code></td><td class="value">4' in client.get(again.headers["location"]).text


@pytest.mark.parametrize(("hub", "prefix"), [("http://localhost:8000", ""), ("https://yard.example.org", "__Host-")])
def test_every_cookie_of_ours_is_out_of_scripts_reach_and_keeps_to_its_host(
    tmp_path: Path, hub: str, prefix: str
) -> None:
    with api(tmp_path, urls={"hub": hub}) as app:
        with app.state.database.write() as session:
            add_person(session, "ada")
            add_dashboard(session, "open", "ada")
            set_password(session, "ada", "a long one")
            cookie = open_session(session, "ada", 1)
        headers = {"Cookie": f"{prefix}noteyard-session={cookie}", "Origin": hub, **PAGE}
        client = TestClient(app, base_url=hub, headers=headers, follow_redirects=False)
        form = {"old": "a long one", "new": "a longer one", "again": "a longer one"}
        answers = [
            client.get("/portal/login"),
            client.post("/portal/account/password", data=form),
            client.get("/", headers={"Host": app.state.urls.app_host("open")}),
            client.post("/portal/logout"),
        ]
    said = [answer.headers.get_list("set-cookie") for answer in answers]
    names = [header.partition("=")[0] for headers in said for header in headers]
    ours = ("noteyard-login", "noteyard-session", "noteyard-viewer", "noteyard-session")
    assert names == [f"{prefix}{name}" for name in ours]
    for (header,) in said:
        words = {word.strip().lower() for word in header.split(";")[1:]}
        assert {"httponly", "samesite=lax", "path=/"} <= words
        assert ("secure" in words) == bool(prefix)
        assert not any(word.startswith("domain") for word in words)


def add_dashboard(session: Session, slug: str, owner: str) -> None:
    row = {"id": "d1", "slug": slug, "title": slug, "owner": owner, "publisher": owner, "parameters": {}}
    session.add(Dashboard(**row, audience=Audience.PUBLIC))


def test_a_first_password_is_changed_before_anything_else(app: FastAPI) -> None:
    root = page_of(app, "root")
    added = root.post("/portal/people", data={"name": "carla", "groups": "team, science", "admin": ""})
    assert added.status_code == 200
    assert added.headers["cache-control"] == "no-store"
    first = added.text.split('aria-label="First password">')[1].split("<")[0]
    carla = page_of(app, "carla")
    assert carla.get("/").headers["location"] == "/portal/account?next=/"
    assert carla.get("/d/any/?n=1").headers["location"] == f"{HUB}/portal/account?next=/d/any/%3Fn%3D1"
    refused = carla.get("/api/v1/runs", headers={"Accept": "application/json"})
    assert (refused.status_code, refused.json()["detail"]) == (403, "Choose a password of your own first.")
    different = carla.post("/portal/account/password", data={"old": first, "new": "a long one 1", "again": "another"})
    assert "the two new passwords are not the same" in different.text
    wrong = carla.post("/portal/account/password", data={"old": "x", "new": "a long one", "again": "a long one"})
    assert wrong.status_code == 403
    assert "The name or the password is not right." in wrong.text
    changed = carla.post("/portal/account/password", data={"old": first, "new": "a long one", "again": "a long one"})
    assert changed.status_code == 303
    assert led_to(changed).startswith("/?done=Your+password+is+changed.")
    assert carla.get("/").status_code == 200


@pytest.mark.parametrize(
    ("next", "onward"),
    [
        ("/d/any/?n=1", "/portal/account/onward?next=%2Fd%2Fany%2F%3Fn%3D1"),
        ("/hub/spawn", "/portal/account/onward?next=%2Fhub%2Fspawn"),
        ("//other.example/", "/?done="),
        ("https://other.example/", "/?done="),
    ],
)
def test_after_the_first_password_one_goes_on_where_one_was_going(app: FastAPI, next: str, onward: str) -> None:
    with app.state.database.write() as session:
        create_person(session, "dana", "the first one 1")
    dana = page_of(app, "dana")
    shown = dana.get("/portal/account", params={"next": next})
    assert f'name="next" value="{next}"' in shown.text
    form = {"old": "the first one 1", "new": "a long one", "again": "a long one", "next": next}
    assert led_to(dana.post("/portal/account/password", data=form)).startswith(onward)
    assert 'content="0; url=/d/any/?n=1"' in dana.get("/portal/account/onward?next=/d/any/%3Fn%3D1").text
    assert 'content="0; url=/"' in dana.get("/portal/account/onward", params={"next": "//other.example"}).text


def led_to(changed: Response) -> str:
    """Where the hub, which renews the login, sends the browser on to."""
    return parse_qs(urlsplit(changed.headers["location"]).query)["next"][0]


def test_administrators_disable_remove_and_hand_over(app: FastAPI) -> None:
    root, bob = page_of(app, "root"), page_of(app, "bob")
    with app.state.database.write() as session:
        release = add_some_release(session, "bob").id
    values = {"release": release, "name": "Nightly", "cron": "0 6 * * *", "timezone": "UTC", "p.n": "1"}
    policy = {"catch_up": "last", "catch_up_window": "24", "overlap": "skip", "retries": "0"}
    assert bob.post("/portal/schedules/new", data={**values, **policy}).status_code == 303
    assert root.post("/portal/people/bob/disable").status_code == 303
    assert bob.get("/").headers["location"].startswith("/portal/login")
    refused = root.post("/portal/people/bob/remove", data={"confirm": "bo"})
    assert "Type bob to confirm." in refused.text
    assert root.post("/portal/people/bob/remove", data={"confirm": "bob"}).status_code == 303
    handed = root.post("/portal/people/bob/transfer", data={"owner": "ada"})
    assert handed.status_code == 303
    assert "Nightly" in page_of(app, "ada").get("/portal/schedules").text
    assert "bob" in root.get("/portal/audit?who=root&thing=bob").text
    assert root.post("/portal/people/root/disable").status_code == 409


def test_only_the_portal_itself_says_what_was_done(app: FastAPI) -> None:
    root = page_of(app, "root")
    saved = root.post("/portal/people/ada", data={"groups": "", "admin": ""})
    assert "Saved." in root.get(saved.headers["location"]).text
    assert "Call 0900" not in root.get("/?done=Call+0900&mark=0").text
    assert "Saved." not in page_of(app, "ada").get(saved.headers["location"].replace("/portal/people/ada", "/")).text


def test_an_endless_form_is_refused(app: FastAPI) -> None:
    answer = page_of(app, "root").post("/portal/people", content=b"a=" + b"x" * 5_000_000)
    assert answer.status_code == 413
    many = page_of(app, "root").post("/portal/people", content=b"a=1&" * 3000)
    assert "more than 2000 fields" in many.text
