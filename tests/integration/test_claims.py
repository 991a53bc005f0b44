"""How a worker or launcher takes what it was started for: once, by a token of its own, whatever answers are lost."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from noteyard.domain import Audience
from noteyard.store.attempts import attempt_id, begin_attempt
from noteyard.store.dashboards import NewDashboard, publish
from noteyard.store.runs import get_run
from noteyard.store.workloads import begin_process
from noteyard.tokens import new_token

from tests.support.app import HUB
from tests.support.rows import add_run, add_some_release

PROGRESS = {"cell": 0, "cells_done": 0, "cells": 1}


@pytest.fixture(params=["run", "dashboard"])
def started(request: pytest.FixtureRequest, app: FastAPI) -> tuple[str, str, str, dict[str, object]]:
    """Where a process claims, where it reports what, and the token it was started with."""
    with app.state.database.write() as session:
        release = add_some_release(session, "ada")
        if request.param == "run":
            run = add_run(session, release, "ada")
            token = begin_attempt(session, run, 1)
            path = f"/internal/v1/attempts/{attempt_id(run.id, 1)}"
            return f"{path}/claim", token, f"{path}/progress", PROGRESS
        dashboard = publish(session, NewDashboard("sales", "Sales", Audience.PUBLIC), release, "ada")
        id, token = begin_process(session, dashboard, 1, False, 1)
        path = f"/internal/v1/workloads/{id}"
        return f"{path}/claim", token, f"{path}/status", {"state": "starting"}


def test_a_claim_hands_over_from_one_token_to_the_next(
    app: FastAPI, started: tuple[str, str, str, dict[str, object]]
) -> None:
    claim, token, report, said = started
    client = TestClient(app, base_url=HUB)

    def post(path: str, bearer: str, body: dict[str, object]) -> tuple[int, dict[str, object]]:
        answer = client.post(path, json=body, headers={"Authorization": f"Bearer {bearer}"})
        # A dashboard's process is followed under the request that it claimed by.
        return answer.status_code, {name: value for name, value in answer.json().items() if name != "request_id"}

    assert post(claim, token, {"token": "too short"})[0] == 422
    chosen = {"token": new_token()}
    status, first = post(claim, token, chosen)
    assert status == 200
    assert post(claim, token, chosen) == (200, first), "asked again, since the answer was lost"
    assert post(claim, token, {"token": new_token()})[0] == 404, "another process of the same start"
    assert post(report, token, said)[0] == 404, "people's code may have read the first token"
    assert post(report, chosen["token"], said) == (200, {"stop": False})


def test_values_that_can_not_be_filled_in_end_the_run_and_say_so(app: FastAPI) -> None:
    with app.state.database.write() as session:
        run = add_run(session, add_some_release(session, "ada"), "ada", parameters={"n": "many"})
        token = begin_attempt(session, run, 1)
        id = run.id
    client = TestClient(app, base_url=HUB)
    path = f"/internal/v1/attempts/{attempt_id(id, 1)}/claim"
    answer = client.post(path, json={"token": new_token()}, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 422
    with app.state.database.read() as session:
        run = get_run(session, id)
        assert run.state == "failed"
        assert run.error["name"] == "NotStarted"
        assert run.error["message"].startswith("Some values can't be used: n:")
