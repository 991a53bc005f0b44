"""What the API believes of a dashboard's launcher."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from noteyard.domain import Audience
from noteyard.store.dashboards import NewDashboard, publish
from noteyard.store.workload_tables import WorkloadProcess
from noteyard.store.workloads import begin_process

from tests.support.app import HUB, PORTS, api
from tests.support.rows import add_person, add_some_release


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
