"""What the API believes of a dashboard's launcher."""

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from noteyard.domain import Audience
from noteyard.store.attempts import begin_attempt
from noteyard.store.dashboards import NewDashboard, publish
from noteyard.store.workload_tables import WorkloadProcess
from noteyard.store.workloads import begin_process

from tests.conftest import empty
from tests.support.app import HUB, PORTS, api
from tests.support.rows import add_person, add_run, add_some_release


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("10.0.0.1", 8000),
        ("example.org", 443),
        ("127.0.0.1@example.org", 80),
        ("::1", 8000),
        ("127.0.0.1", PORTS["api"]),
    ],
)
def test_viewers_are_led_only_to_where_a_dashboard_can_be(tmp_path: Path, host: str, port: int) -> None:
    with api(tmp_path) as app:
        database = app.state.database
        with database.write() as session:
            add_person(session, "ada")
            new = NewDashboard("sales", "Sales", Audience.PUBLIC)
            dashboard = publish(session, new, add_some_release(session, "ada"), "ada")
            id, token = begin_process(session, dashboard, 1, False, 1)
        client = TestClient(app, base_url=HUB, headers={"Authorization": f"Bearer {token}"})
        report = {"state": "ready", "host": host, "port": port}
        refused = client.post(f"/internal/v1/workloads/{id}/status", json=report)
        assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")
        assert refused.json()["fields"] == [
            {
                "field": "host",
                "message": f"viewers can't be led to {host}:{port}; a dashboard serves where it runs",
            }
        ]
        accepted = client.post(f"/internal/v1/workloads/{id}/status", json={"state": "ready", "port": 40123})
        assert accepted.json() == {"stop": False}
        with database.read() as session:
            assert session.get_one(WorkloadProcess, id).address == "127.0.0.1:40123"


PRINTED = "PK\x03\x04\x00 and half a pair \ud83d"
KEPT = "PK\x03\x04\ufffd and half a pair \ufffd"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    if request.param == "sqlite":
        return None
    found: str = request.getfixturevalue("postgres_url")
    empty(found)
    return found


def test_what_was_printed_is_kept_whatever_is_in_it(tmp_path: Path, url: str | None) -> None:
    with api(tmp_path, database_url=url) as app:
        database = app.state.database
        with database.write() as session:
            add_person(session, "ada")
            release = add_some_release(session, "ada")
            dashboard = publish(session, NewDashboard("sales", "Sales", Audience.PUBLIC), release, "ada")
            id, token = begin_process(session, dashboard, 1, False, 1)
        client = TestClient(app, base_url=HUB, headers={"Authorization": f"Bearer {token}"})
        error = {"cell": 1, "name": PRINTED, "message": PRINTED, "traceback": PRINTED, "hint": None}
        report = {"state": "starting", "log": PRINTED, "error": error}
        sent = {"content": json.dumps(report), "headers": {"Content-Type": "application/json"}}
        answer = client.post(f"/internal/v1/workloads/{id}/status", **sent)
        assert (answer.status_code, answer.json()) == (200, {"stop": False})
        with database.read() as session:
            assert session.get_one(WorkloadProcess, id).log == KEPT

        with database.write() as session:
            run = add_run(session, release, "ada")
            path, token = f"/internal/v1/attempts/{run.id}.1", begin_attempt(session, run, 1)
        client.headers["Authorization"] = f"Bearer {token}"
        secret = "s" * 40
        assert client.post(f"{path}/claim", json={"token": secret}).status_code == 200
        client.headers["Authorization"] = f"Bearer {secret}"
        for piece in (PRINTED, " and more"):
            said = {
                "cell": 0,
                "cells_done": 0,
                "cells": 1,
                "log_offset": len(PRINTED) * (piece != PRINTED),
                "log": piece,
            }
            answer = client.post(f"{path}/progress", content=json.dumps(said), headers=sent["headers"])
            assert answer.json() == {"stop": False}, "the next piece goes on where it ended"
