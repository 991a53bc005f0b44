"""What worker and launcher of images that releases keep say to the hub side, and what they read of its answers.

A release's image has the `noteyard-lab` of the day it was built, so what is written out here is spoken for as long as
any release lives. These requests, and the fields of answers that are named here, are never changed and never taken
away, only added to: a new field of a request is optional for the API, a new field of an answer may be missing for who
reads it. Whoever has to change a line that stands here breaks schedules and dashboards of somebody who upgraded.

Nothing here uses the client of `noteyard-lab`, which is always today's.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from fastapi import FastAPI
from noteyard.backends.base import Start
from noteyard.backends.kubernetes.manifests import DASHBOARDS, RUNS, access_secret, job
from noteyard.backends.kubernetes.pod_states import NOT_WANTED
from noteyard.backends.kubernetes.workload_manifests import deployment
from noteyard.domain import Audience, Person
from noteyard.kubernetes_settings import Kubernetes
from noteyard.objects import blob_key, output_key, rendering_key
from noteyard.settings import Profile
from noteyard.store.attempts import attempt_id, begin_attempt, log_text
from noteyard.store.dashboards import NewDashboard, get_version, publish
from noteyard.store.runs import cancel_run, get_run
from noteyard.store.workload_tables import WorkloadProcess
from noteyard.store.workloads import begin_process

from tests.support.app import api, served
from tests.support.rows import add_person, add_run, add_some_release, notebook

OWN_TOKEN = "the-token-that-the-process-has-made-by-itself"
NOTEBOOK = json.dumps(notebook("print(n)", parameters="n: int = 1")).encode()
DIGEST = sha256(NOTEBOOK).hexdigest()
FILES = [{"path": "report.ipynb", "sha256": DIGEST, "size": len(NOTEBOOK)}]
ENDS_QUIETLY = (401, 404, 409, 410)
"""A worker or launcher that is answered so is not wanted, and ends without a word. Other 4xx are told to people."""
FAILURE = {"cell": 0, "name": "ValueError", "message": "no n", "traceback": "Traceback …", "hint": None}


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    """The API with a person, ada, and the file of a release."""
    with api(tmp_path) as app:
        app.state.objects.put(blob_key(DIGEST), NOTEBOOK)
        with app.state.database.write() as session:
            add_person(session, "ada")
        yield app


class Speaker:
    """Sends what such a process sends: a bearer token, the request's id once it knows it, and bytes."""

    def __init__(self, port: int, path: str, token: str) -> None:
        self.path = path
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"})

    def claim(self) -> dict[str, Any]:
        answer = self.post("claim", {"token": OWN_TOKEN})
        self._http.headers.update({"Authorization": f"Bearer {OWN_TOKEN}", "X-Request-Id": answer["request_id"]})
        return answer

    def post(self, name: str, body: Mapping[str, object]) -> dict[str, Any]:
        answer = self.send("POST", name, json.dumps(body).encode(), "application/json")
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def put(self, name: str, content: bytes, kind: str) -> None:
        answer = self.send("PUT", name, content, kind)
        assert answer.is_success, answer.text

    def send(self, method: str, name: str, content: bytes | None = None, kind: str | None = None) -> httpx.Response:
        headers = {"Content-Type": kind} if kind else {}
        return self._http.request(method, f"{self.path}/{name}", content=content, headers=headers)

    def close(self) -> None:
        self._http.close()


@contextmanager
def speaking(app: FastAPI, path: str, token: str) -> Iterator[Speaker]:
    with served(app) as port:
        speaker = Speaker(port, path, token)
        try:
            yield speaker
        finally:
            speaker.close()


@contextmanager
def worker(app: FastAPI) -> Iterator[tuple[Speaker, str]]:
    """A worker of the first attempt of a run, and the run's id."""
    with app.state.database.write() as session:
        run = add_run(session, add_some_release(session, "ada"), "ada", parameters={"n": 3}, timeout=60).id
        token = begin_attempt(session, get_run(session, run), 1)
    with speaking(app, f"/internal/v1/attempts/{attempt_id(run, 1)}", token) as speaker:
        yield speaker, run


@contextmanager
def launcher(app: FastAPI) -> Iterator[tuple[Speaker, str]]:
    """The launcher of a dashboard's first start, and the id of its process."""
    with app.state.database.write() as session:
        new = NewDashboard("sales", "Sales", Audience.PUBLIC)
        dashboard = publish(session, new, add_some_release(session, "ada"), "ada")
        id, token = begin_process(session, dashboard, 1, True, 1)
    with speaking(app, f"/internal/v1/workloads/{id}", token) as speaker:
        yield speaker, id


def test_a_worker_claims_fetches_reports_stores_and_finishes(app: FastAPI) -> None:
    with worker(app) as (speaker, run):
        claim = speaker.claim()
        assert (claim["notebook"], claim["files"], claim["parameters"]) == ("report.ipynb", FILES, {"n": 3})
        assert claim["schema"]["properties"]["n"]["type"] == "integer"
        assert all(isinstance(part, str) for pair in claim["environment"].items() for part in pair)
        assert (claim["timeout"], claim["kernel_name"], claim["assets_url"]) == (60, None, "/_assets/")
        assert isinstance(claim["log_limit"], int) and isinstance(claim["output_limit"], int)
        assert isinstance(claim["request_id"], str)
        assert speaker.send("GET", f"files/{DIGEST}").content == NOTEBOOK
        said = {"cell": None, "cells_done": 0, "cells": 2, "log_offset": 0, "log": ""}
        assert speaker.post("progress", said)["stop"] is False
        assert speaker.post("progress", said | {"cell": 1, "cells_done": 1, "log": "3\n"})["stop"] is False
        assert speaker.post("progress", said | {"cells_done": 2, "log_offset": 2, "log": "done\n"})["stop"] is False
        speaker.put("outputs/notebook.ipynb", NOTEBOOK, "application/x-ipynb+json")
        speaker.put("outputs/notebook.html", b"<p>3", "text/html; charset=utf-8")
        speaker.post("finish", {"outcome": "succeeded", "error": None, "cells_done": 2, "cells": 2})
    with app.state.database.read() as session:
        assert get_run(session, run).state == "succeeded"
        assert log_text(session, run, 1) == "3\ndone\n"
    assert app.state.objects.get(output_key(run, 1, "notebook.ipynb")) == NOTEBOOK
    assert app.state.objects.get(output_key(run, 1, "notebook.html")) == b"<p>3"


@pytest.mark.parametrize(
    ("outcome", "error", "state"),
    [
        ("failed", FAILURE, "failed"),
        ("failed", FAILURE | {"cell": None, "hint": "Give it an n."}, "failed"),
        ("timed_out", FAILURE, "timed out"),
        ("stopped", None, "interrupted"),
    ],
)
def test_a_worker_says_how_a_run_ended(app: FastAPI, outcome: str, error: dict[str, object] | None, state: str) -> None:
    with worker(app) as (speaker, run):
        speaker.claim()
        speaker.post("finish", {"outcome": outcome, "error": error, "cells_done": 0, "cells": 2})
    with app.state.database.read() as session:
        assert get_run(session, run).state == state


def test_a_worker_is_told_to_stop_and_stops(app: FastAPI) -> None:
    with worker(app) as (speaker, run):
        speaker.claim()
        with app.state.database.write() as session:
            cancel_run(session, run)
        said = {"cell": 0, "cells_done": 0, "cells": 2, "log_offset": 0, "log": ""}
        assert speaker.post("progress", said)["stop"] is True
        speaker.post("finish", {"outcome": "stopped", "error": None, "cells_done": 0, "cells": 2})
    with app.state.database.read() as session:
        assert get_run(session, run).state == "cancelled"


def test_a_launcher_claims_fetches_reports_and_renders(app: FastAPI) -> None:
    with launcher(app) as (speaker, id):
        _reads_its_claim(speaker.claim(), id.partition(".")[0])
        assert speaker.send("GET", f"files/{DIGEST}").content == NOTEBOOK
        said = {"port": None, "sessions": 0, "last_activity": "2026-11-02T09:00:00+00:00", "error": None, "log": ""}
        assert speaker.post("status", said | {"state": "starting"})["stop"] is False
        assert speaker.post("status", said | {"state": "rendering", "log": "one line\n"})["stop"] is False
        speaker.put("rendering/rendering.html", b"<p>3", "text/html; charset=utf-8")
        speaker.put("rendering/card.png", b"\x89PNG", "image/png")
        ready = said | {"state": "ready", "port": 40123, "sessions": 2}
        assert speaker.post("status", ready)["stop"] is False
        with app.state.database.write() as session:
            process = session.get_one(WorkloadProcess, id)
            assert (process.state, process.address, process.sessions) == ("ready", "127.0.0.1:40123", 2)
            dashboard, version = process.dashboard, get_version(session, process.dashboard, 1)
            assert version.rendered is not None and version.has_card
            process.stop = True
        assert speaker.post("status", ready)["stop"] is True
    assert app.state.objects.get(rendering_key(dashboard, 1, "rendering.html")) == b"<p>3"


def _reads_its_claim(claim: dict[str, Any], dashboard: str) -> None:
    assert (claim["dashboard"], claim["audience"], claim["title"]) == (dashboard, dashboard, "Sales")
    assert (claim["notebook"], claim["files"], claim["parameters"]) == ("report.ipynb", FILES, {"n": 1})
    assert claim["schema"]["properties"]["n"]["type"] == "integer"
    assert all(isinstance(part, str) for pair in claim["environment"].items() for part in pair)
    assert (claim["base_url"], claim["assets_url"], claim["kernel_name"]) == ("/live/", "/_assets/", None)
    assert claim["bind"] == "127.0.0.1:0"
    assert (claim["reads_viewer"], claim["render"]) == (False, True)
    assert isinstance(claim["preheat"], int) and isinstance(claim["sessions_max"], int)
    assert claim["session_idle_seconds"] > 0 and claim["disconnected_seconds"] > 0
    assert claim["memory_limit"] is None or isinstance(claim["memory_limit"], int)
    assert claim["public_key"].startswith("-----BEGIN PUBLIC KEY-----")
    assert isinstance(claim["request_id"], str)


def test_a_launcher_says_why_a_dashboard_can_t_be_shown(app: FastAPI) -> None:
    with launcher(app) as (speaker, id):
        speaker.claim()
        moment = "2026-11-02T09:00:00+00:00"
        said = {"state": "failed", "port": None, "sessions": 0, "last_activity": moment, "error": FAILURE, "log": "x"}
        speaker.post("status", said)
    with app.state.database.read() as session:
        process = session.get_one(WorkloadProcess, id)
        assert (process.state, process.error) == ("failed", FAILURE)


def test_a_launcher_reads_who_looks_from_a_signed_token(app: FastAPI) -> None:
    with launcher(app) as (speaker, id):
        claim = speaker.claim()
    token = app.state.viewer_tokens.sign(id.partition(".")[0], Person("ada", frozenset({"sales"})), "sid", {"n": 2})
    claims = jwt.decode(token, claim["public_key"], algorithms=["EdDSA"], audience=claim["audience"], issuer="noteyard")
    assert claims["exp"] > 0
    read = {name: claims[name] for name in ("sub", "sid", "name", "groups", "parameters")}
    assert read == {"sub": "ada", "sid": "sid", "name": "ada", "groups": ["sales"], "parameters": {"n": 2}}


def test_who_is_not_wanted_ends_quietly_and_who_is_refused_is_told_why(app: FastAPI) -> None:
    with worker(app) as (speaker, _), speaking(app, speaker.path, "somebody's") as other:
        speaker.claim()
        late = json.dumps({"token": "the-token-of-a-second-process-of-the-same-start"}).encode()
        assert other.send("POST", "claim", late, "application/json").status_code in ENDS_QUIETLY
        assert other.send("GET", f"files/{DIGEST}").status_code in ENDS_QUIETLY
        refused = speaker.send("POST", "finish", b'{"outcome": "unheard of"}', "application/json")
        assert 400 <= refused.status_code < 500 and refused.status_code not in ENDS_QUIETLY
        assert refused.json()["detail"]


def test_a_pod_starts_them_by_the_same_words() -> None:
    options = Kubernetes(addresses={"api": "http://yard-api.yard:8000"})
    profile = Profile(name="default", image="example/lab:1")
    owner = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "run-r1-2", "uid": "u1"}}
    run, dashboard = Start("r1.2", "t", "default"), Start("d1.3.4", "t", "default")
    command = {"name": "HOME", "value": "/home/jovyan"}, ["--access", "/run/noteyard/access.json"], "/work"
    pods = (job(RUNS, run, profile, options), deployment(DASHBOARDS, dashboard, profile, options))
    programs = ["noteyard_lab.worker", "--attempt", "r1.2"], ["noteyard_lab.dashboard", "--workload", "d1.3.4"]
    for made, program in zip(pods, programs, strict=True):
        container = made["spec"]["template"]["spec"]["containers"][0]
        assert container["command"] == ["python", "-I", "-m", *program]
        assert (container["env"][0], container["args"], container["workingDir"]) == command
    for kind, start, subject in ((RUNS, run, "attempt"), (DASHBOARDS, dashboard, "workload")):
        given = json.loads(access_secret(kind, start, options, owner)["stringData"]["access.json"])
        assert given == {"api": "http://yard-api.yard:8000/internal/v1", subject: start.id, "token": "t"}
    assert NOT_WANTED == 3, "the exit code of one that is not wanted"
