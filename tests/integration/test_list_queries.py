"""A list costs the database the same number of questions for thirty rows as for three."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import event

from tests.support.app import api, browser
from tests.support.rows import add_person
from tests.support.upload import release_of

LISTS = ("runs", "schedules", "releases", "dashboards")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    with api(tmp_path_factory.mktemp("queries")) as app:
        with app.state.database.write() as session:
            add_person(session, "ada", "sales")
        yield app


@pytest.fixture(scope="module")
def client(app: FastAPI) -> TestClient:
    return browser(app, "ada")


@pytest.fixture(scope="module", autouse=True)
def thirty_of_each(client: TestClient) -> None:
    for number in range(30):
        release = release_of(client, f"print({number})", parameters="n: int = 1")
        schedule = {"name": f"s{number}", "release": release, "cron": "0 6 * * *"}
        dashboard = {"release": release, "slug": f"d{number}", "title": f"D{number}", "audience": "groups"}
        made = client.post("/api/v1/schedules", json=schedule)
        assert made.status_code == 201, made.text
        assert client.post(f"/api/v1/schedules/{made.json()['id']}/run").status_code == 201
        assert client.post("/api/v1/dashboards", json={**dashboard, "groups": ["sales"]}).status_code == 201


@contextmanager
def statements(app: FastAPI) -> Iterator[list[str]]:
    told: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        told.append(statement)

    event.listen(app.state.database.engine, "before_cursor_execute", note)
    try:
        yield told
    finally:
        event.remove(app.state.database.engine, "before_cursor_execute", note)


def cost(app: FastAPI, client: TestClient, path: str, rows: int) -> int:
    with statements(app) as told:
        items = client.get(path, params={"limit": rows}).json()["items"]
    assert len(items) == rows
    return len(told)


@pytest.mark.parametrize("name", LISTS)
def test_thirty_rows_cost_what_three_cost(app: FastAPI, client: TestClient, name: str) -> None:
    path = f"/api/v1/{name}"
    cost(app, client, path, 1)  # what only a first request does
    three, thirty = cost(app, client, path, 3), cost(app, client, path, 30)
    assert three == thirty
    assert 2 < thirty < 16


def test_how_far_behind_schedules_are_is_counted_for_all_at_once(client: TestClient) -> None:
    items = client.get("/api/v1/schedules", params={"limit": 30}).json()["items"]
    releases = client.get("/api/v1/releases", params={"limit": 30}).json()["items"]
    behind = {release["id"]: place for place, release in enumerate(releases)}
    for item in items:
        assert item["releases_behind"] == behind[item["release"]]
        assert item["newest_release"] == (releases[0]["id"] if behind[item["release"]] else None)


def test_a_release_s_owners_are_its_own(client: TestClient) -> None:
    assert {tuple(item["owners"]) for item in client.get("/api/v1/releases").json()["items"]} == {("ada",)}
