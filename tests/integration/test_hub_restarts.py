"""Labs and logins while parts are killed and started again."""

import os
import signal
from collections.abc import Iterator

import pytest
from noteyard.backends.local.processes import environment, processes

from tests.support.installation import Installation, installation
from tests.support.lab_client import ready, start_lab
from tests.support.waiting import until

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("restarts") / "state") as running:
        yield running


def test_a_lab_outlives_the_hub_and_is_known_to_the_next(hub: Installation) -> None:
    hub.person("alice")
    lab = start_lab(hub, "alice")
    before = hub.lab_servers("alice")
    client = hub.logged_in("alice")
    kernel = lab.start_kernel()
    lab.execute(kernel, "kept = 1")
    hub.kill("hub")
    assert lab.http.get("/user/alice/api").status_code == 200, "the edge goes on without the hub"
    page = hub.client().get("/hub/login")
    assert page.status_code == 502
    assert "This part of Noteyard does not answer right now" in page.text
    hub.start("hub")
    until(lambda: ready(hub, "alice"), 30, "the lab's adoption")
    assert hub.lab_servers("alice") == before
    assert lab.execute(kernel, "print(kept)") == "1\n"
    assert client.get("/hub/token").status_code == 200, "the login goes on"
    assert hub.hub_api().delete("/users/alice/server").status_code in (202, 204)
    until(lambda: not hub.lab_servers("alice"), 30, "the stop of an adopted lab")


def test_a_lab_that_ended_while_the_hub_was_away_is_not_taken_for_running(hub: Installation) -> None:
    hub.person("bert")
    start_lab(hub, "bert")
    hub.kill("hub")
    (server,) = hub.lab_servers("bert")
    os.kill(server, signal.SIGKILL)
    hub.start("hub")
    until(lambda: hub.hub_api().get("/users/bert").json()["servers"] == {}, 30, "the hub's notice")
    until(lambda: hub.client("bert.localhost").get("/user/bert/api").status_code == 302, 10, "the route's end")


def test_a_lab_whose_hub_was_killed_while_it_started_is_replaced(hub: Installation) -> None:
    hub.person("cleo")
    hub.hub_api().post("/users/cleo/server", json={})
    hub.logged_in("cleo")
    hub.hub_api().post("/users/cleo/server", json={})
    orphan = until(lambda: hub.lab_servers("cleo"), 30, "the lab's process")
    hub.kill("hub")
    hub.start("hub")
    until(lambda: not ready(hub, "cleo"), 30, "a hub that knows of no lab")
    start_lab(hub, "cleo")
    assert len(hub.lab_servers("cleo")) == 1
    assert not set(orphan) & set(hub.lab_servers("cleo"))


def test_a_lab_starts_although_the_api_is_away_for_a_while(hub: Installation) -> None:
    hub.person("dirk")
    hub.logged_in("dirk")
    hub.kill("api")
    assert hub.hub_api().post("/users/dirk/server", json={}).status_code in (201, 202)
    until(lambda: "did not answer. Trying again" in hub.log("hub"), 60, "the hub's first try")
    hub.start("api")
    until(lambda: ready(hub, "dirk"), 60, "the lab")
    assert hub.client("dirk.localhost").get("/user/dirk/api").status_code == 200


def test_labs_can_be_reached_again_after_the_edge_was_killed(hub: Installation) -> None:
    hub.person("emma")
    start_lab(hub, "emma")
    hub.kill("edge")
    hub.start("edge")
    client = hub.client("emma.localhost")
    until(lambda: client.get("/user/emma/api").status_code == 200, 20, "the lab behind a new edge")


def test_a_killed_hub_leaves_no_culler_behind(hub: Installation) -> None:
    def cullers() -> list[int]:
        ours = str(hub.instance.state)
        return [
            process.id.pid
            for process in processes().values()
            if "noteyard.idle_culler" in process.argv and environment(process).get("NOTEYARD_INSTANCE") == ours
        ]

    before = until(cullers, 10, "the culler")
    hub.kill("hub")
    until(lambda: not set(cullers()) & set(before), 10, "its end")
    hub.start("hub")
    until(lambda: len(cullers()) == 1, 20, "the next one")
    assert "ConnectionRefusedError" not in hub.log("hub"), "a culler looks when the hub listens"


def test_a_busy_lab_is_not_culled_and_an_idle_one_is(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("culling") / "state"
    with installation(folder, labs={"idle_minutes": 1}) as running:
        for name in ("busy", "idle"):
            running.person(name)
        busy, _ = start_lab(running, "busy"), start_lab(running, "idle")
        busy.begin(busy.start_kernel(), "import time; time.sleep(240)")
        until(lambda: not ready(running, "idle"), 180, "the end of the idle lab")
        assert ready(running, "busy")
        until(lambda: running.log("hub").count("/hub/api/users/busy/activity") >= 8, 150, "more reports")
        assert ready(running, "busy")
