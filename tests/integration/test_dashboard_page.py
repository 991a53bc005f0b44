"""The front page on a dashboard's own host, by the real API."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient
from noteyard.domain import Audience, VersionState
from noteyard.store.dashboards import NewDashboard, get_dashboard, get_version, publish
from noteyard.store.types import now

from tests.support.app import api
from tests.support.rows import add_person, add_some_release


def asleep(app: FastAPI, *slugs: str) -> None:
    """Publish public dashboards that have rendered and sleep."""
    with app.state.database.write() as session:
        add_person(session, "ada")
        release = add_some_release(session, "ada")
        for slug in slugs:
            made = publish(session, NewDashboard(slug, slug.title(), Audience.PUBLIC), release, "ada")
            version = get_version(session, made.id, 1)
            version.state, version.rendered = VersionState.GOOD, now()
            made.current, made.awake = 1, False


def test_the_last_rendering_is_shown_though_too_many_were_woken(tmp_path: Path) -> None:
    with api(tmp_path, dashboards={"public_wakes_per_minute": 1}) as app:
        asleep(app, "first", "second")
        for slug, awake in (("first", True), ("second", False)):
            host = TestClient(app, base_url=f"http://{slug}.apps.localhost:8000", follow_redirects=False)
            answer = host.get("/", headers={"Accept": "text/html"})
            assert answer.status_code == 200
            assert "/.noteyard/rendering" in answer.text
            with app.state.database.read() as session:
                assert get_dashboard(session, slug).awake is awake
            state = host.get("/.noteyard/state").json()
            assert ("Many dashboards were woken just now" in state["message"]) is not awake
