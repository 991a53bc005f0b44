"""What workers and launchers send goes straight into the object store, up to a limit."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from noteyard.api import launchers, workers
from noteyard.domain import Audience
from noteyard.objects import output_key, rendering_key
from noteyard.store.attempts import attempt_id, begin_attempt, claim
from noteyard.store.dashboards import NewDashboard, publish
from noteyard.store.workloads import begin_process

from tests.support.app import HUB
from tests.support.rows import add_run, add_some_release

PIECE = b"<p>line</p>" * 10_000


@pytest.fixture(params=["output", "rendering"])
def upload(request: pytest.FixtureRequest, app: FastAPI) -> tuple[TestClient, str, str]:
    """A client with a token, where it may upload to, and the key under which that is kept."""
    with app.state.database.write() as session:
        release = add_some_release(session, "ada")
        if request.param == "output":
            run = add_run(session, release, "ada")
            token = begin_attempt(session, run, 1)
            claim(session, attempt_id(run.id, 1), token, token)
            path, key = f"attempts/{run.id}.1/outputs/notebook.html", output_key(run.id, 1, "notebook.html")
        else:
            dashboard = publish(session, NewDashboard("sales", "Sales", Audience.PUBLIC), release, "ada")
            id, token = begin_process(session, dashboard, 1, False, 1)
            path, key = f"workloads/{id}/rendering/rendering.html", rendering_key(dashboard.id, 1, "rendering.html")
    client = TestClient(app, base_url=HUB, headers={"Authorization": f"Bearer {token}"})
    return client, f"/internal/v1/{path}", key


def files(folder: Path) -> list[Any]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def pieces(count: int) -> Iterator[bytes]:
    for _ in range(count):
        yield PIECE


def test_what_is_sent_in_pieces_is_stored_whole(app: FastAPI, upload: tuple[TestClient, str, str]) -> None:
    client, path, key = upload
    assert client.put(path, content=pieces(100)).status_code == 204
    assert app.state.objects.get(key) == PIECE * 100


def test_what_is_too_large_is_refused_and_leaves_nothing(
    app: FastAPI, upload: tuple[TestClient, str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    client, path, key = upload
    assert client.put(path, content=b"before").status_code == 204
    kept = files(tmp_path / "objects")
    monkeypatch.setattr(workers, "OUTPUT_BYTES", 2 * 1024 * 1024)
    monkeypatch.setattr(launchers, "RENDERING_BYTES", 2 * 1024 * 1024)
    refused = client.put(path, content=pieces(100))
    assert (refused.status_code, refused.json()["detail"]) == (413, "The body is larger than 2 MiB.")
    assert app.state.objects.get(key) == b"before"
    assert files(tmp_path / "objects") == kept != []
