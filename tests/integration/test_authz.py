"""ForwardAuth: permissions are remembered for a moment, and end at once with what gave them."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import jwt
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from noteyard.api.viewer import decisions
from noteyard.domain import Audience
from noteyard.store import Database
from noteyard.store.dashboards import NewDashboard, get_dashboard, publish
from noteyard.store.revision import Revision
from noteyard.store.sessions import end_sessions_of, open_session
from noteyard.store.tables import Account
from noteyard.store.workload_tables import Dashboard

from tests.support.app import api
from tests.support.rows import add_person, add_some_release

HOST = "sales.apps.localhost:8000"
PATH = "/internal/v1/authz"
TOKEN = "x-noteyard-viewer"


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    with api(tmp_path) as app:
        with app.state.database.write() as session:
            add_person(session, "ada")
            add_person(session, "bob")
            sales = publish(
                session, NewDashboard("sales", "Sales", Audience.USERS), add_some_release(session, "ada"), "ada"
            )
            sales.current = 1
        yield app


@pytest.fixture
def edge(app: FastAPI) -> TestClient:
    """What the edge asks with for bob's browser."""
    with app.state.database.write() as session:
        cookie = open_session(session, "bob", 1, get_dashboard(session, "sales").id)
    headers = {"X-Forwarded-Host": HOST, "X-Forwarded-Uri": "/live/session/x", "Cookie": f"noteyard-viewer={cookie}"}
    return TestClient(app, base_url="http://127.0.0.1:3", headers=headers, follow_redirects=False)


def test_a_page_of_requests_is_one_question(app: FastAPI, edge: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    edge.get(PATH)  # notes the visit, which is a commit
    first = edge.get(PATH, headers={"X-Request-Id": "q1"})
    assert (first.status_code, first.headers.get_list("x-request-id")) == (200, ["q1"])
    for method in ("GET", "HEAD", "POST", "DELETE"):
        again = edge.request(method, PATH, headers={"X-Forwarded-Uri": "/live/api/kernels/x"})
        assert again.headers[TOKEN] == first.headers[TOKEN]
    assert claims(first.headers[TOKEN])["sub"] == "bob"
    counted = 'noteyard_http_requests_total{method="DELETE",route="/internal/v1/authz",status="200"} 1.0'
    assert counted in edge.get("/internal/v1/metrics").text


def test_a_permission_is_remembered_for_two_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(decisions, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    kept = decisions.Decisions(Revision(Database(f"sqlite:///{tmp_path / 'empty'}")))
    asked = ((b"cookie", b"c"),)
    assert kept.find(asked, 1) is None
    kept.keep(asked, 1, b"token")
    assert kept.find(asked, 1) == b"token"
    clock[0] += 2.1
    assert kept.find(asked, 1) is None
    kept.keep(asked, 0, b"stale")
    assert kept.find(asked, 1) is None, "what was decided before a commit is not kept after it"


def test_what_ends_a_permission_ends_it_at_once(app: FastAPI, edge: TestClient) -> None:
    def change(**fields: object) -> None:
        with app.state.database.write() as session:
            dashboard = get_dashboard(session, "sales")
            for name, value in fields.items():
                setattr(dashboard, name, value)

    def disable(disabled: bool) -> None:
        with app.state.database.write() as session:
            session.get_one(Account, "bob").disabled = disabled

    for end, begin in (
        (lambda: change(audience=Audience.ME), lambda: change(audience=Audience.USERS)),
        (lambda: disable(True), lambda: disable(False)),
    ):
        assert [edge.get(PATH).status_code for _ in range(3)] == [200, 200, 200]
        end()
        assert edge.get(PATH).status_code == 401
        begin()
    assert edge.get(PATH).status_code == 200
    with app.state.database.write() as session:
        end_sessions_of(session, "bob")
    assert edge.get(PATH).status_code == 401
    assert edge.get(PATH, headers={"Accept": "text/html"}).headers["location"] == f"http://{HOST}/"


def test_nobody_has_what_another_was_given(app: FastAPI, edge: TestClient) -> None:
    assert [edge.get(PATH).status_code for _ in range(2)] == [200, 200]
    for headers in (
        {"Cookie": "noteyard-viewer=else"},
        {"Cookie": ""},
        {"X-Forwarded-Host": "other.apps.localhost:8000"},
        {"X-Forwarded-Host": "localhost:8000"},
    ):
        assert edge.get(PATH, headers=headers).status_code in (401, 404), headers
    plain = edge.get(PATH, headers={"X-Forwarded-Uri": "/live/"}).headers[TOKEN]
    given = edge.get(PATH, headers={"X-Forwarded-Uri": "/live/?n=2"}).headers[TOKEN]
    assert "parameters" not in claims(plain)
    assert claims(given)["parameters"] == {"n": 2}
    assert "parameters" not in claims(edge.get(PATH, headers={"X-Forwarded-Uri": "/live/"}).headers[TOKEN])


def test_browsers_cant_ask_for_a_token_themselves(app: FastAPI, edge: TestClient) -> None:
    assert edge.get(PATH).status_code == 200
    answer = edge.get(PATH, headers={"Host": HOST})
    assert answer.status_code == 503
    assert TOKEN not in answer.headers


def test_assets_wake_nothing(app: FastAPI, edge: TestClient) -> None:
    with app.state.database.write() as session:
        dashboard = get_dashboard(session, "sales")
        dashboard.awake = False
        visited = dashboard.last_visit
    for who in ({}, {"Cookie": ""}):
        answer = edge.get("/live/assets/0123456789abcdef/chunks.js", headers={"Host": HOST, **who})
        assert answer.status_code == 503
        assert "asleep" in answer.text
    with app.state.database.read() as session:
        asleep = get_dashboard(session, "sales")
        assert (asleep.awake, asleep.last_visit) == (False, visited)


async def test_every_commit_changes_the_revision(database: Database) -> None:
    revision = Revision(database)
    with database.write() as session:
        add_person(session, "ada")
        before = await revision.current()
        assert await revision.current() == before, "nothing was committed"
    after = await revision.current()
    assert after != before
    with database.read() as session:
        assert session.get_one(Account, "ada").name == "ada"
        assert session.query(Dashboard).count() == 0
    assert await revision.current() == after, "reading is no change"
    revision.close()


def claims(token: str) -> dict[str, object]:
    read: dict[str, object] = jwt.decode(token, options={"verify_signature": False})
    return read
