"""What the edge is told when the files of its certificate change."""

import os
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.support.app import HUB, api


def edition(client: TestClient) -> Any:
    return client.get("/internal/v1/edge").json()["tls"]["options"]


@pytest.mark.parametrize("replaced", ["certificate.pem", "key.pem"])
@pytest.mark.parametrize("kept_times", [False, True], ids=["newer", "with the older time of a copy"])
def test_a_replaced_certificate_or_key_is_noticed(tmp_path: Path, replaced: str, kept_times: bool) -> None:
    files = {"certificate": tmp_path / "certificate.pem", "key": tmp_path / "key.pem"}
    for path in files.values():
        path.write_text("before")
    with api(tmp_path / "state", tls=files, urls={"hub": "https://yard.example.org"}) as app:
        secret = app.state.instance.secret("internal")
        client = TestClient(app, base_url=HUB, headers={"Authorization": f"Bearer {secret}"})
        before = edition(client)
        assert edition(client) == before
        renewed = tmp_path / "renewed.pem"
        renewed.write_text("behind")
        if kept_times:
            os.utime(renewed, (1, 1))
        renewed.replace(tmp_path / replaced)
        assert edition(client) != before
