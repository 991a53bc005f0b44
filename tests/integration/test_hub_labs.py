"""Labs as real processes: what they get, how they fail, how they end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from noteyard.backends.local.processes import environment, processes
from noteyard.instance import HEX_SECRETS
from noteyard.store.s3_keys import key_for_person

from tests.support.installation import Installation, installation
from tests.support.lab_client import LabClient, ready, start_lab
from tests.support.waiting import until


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    folder = tmp_path_factory.mktemp("labs")
    silent = folder / "silent" / "bin"
    silent.mkdir(parents=True)
    (silent / "python").write_text("#!/bin/sh\necho waiting for nothing; exec sleep 600\n")
    (silent / "python").chmod(0o755)
    profiles = [
        {"name": "default"},
        {"name": "small", "memory_mb": 4096},
        {"name": "missing", "environment": str(folder / "nowhere")},
        {"name": "without-lab", "environment": sys.prefix},
        {"name": "silent", "environment": str(silent.parent)},
        {"name": "closed", "groups": ["ml"]},
    ]
    with installation(folder / "state", profiles=profiles, labs={"start_timeout_seconds": 30}) as running:
        yield running


@pytest.fixture(scope="module")
def alice(hub: Installation) -> LabClient:
    hub.person("alice")
    return start_lab(hub, "alice", profile="small")


def failure(hub: Installation, person: str, profile: str) -> str:
    """Start a lab that fails; what the person reads on the page they are led to."""
    client = hub.logged_in(person)
    client.get("/hub/spawn")
    client.post("/hub/spawn", params={"_xsrf": client.cookies["_xsrf"]}, data={"profile": profile})
    page = until(
        lambda: (page := client.get(f"/hub/spawn-pending/{person}")).status_code == 500 and page, 60, "the failure"
    )
    assert page and "Your lab did not start" in page.text
    return page.text


def test_a_lab_has_its_persons_things_and_no_secret_of_ours(hub: Installation, alice: LabClient) -> None:
    kernel = alice.start_kernel()
    variables = dict(
        line.split("=", 1)
        for line in alice.execute(kernel, "import os\nfor n, v in os.environ.items(): print(f'{n}={v!r}')").splitlines()
    )
    assert variables["HOME"] == repr(str(hub.instance.home("alice")))
    assert variables["NOTEYARD_URL"] == repr(hub.urls.hub)
    assert variables["NOTEYARD_TEAM_URL"] == repr("s3://team")
    assert variables["NOTEYARD_MY_URL"] == repr("s3://my-alice")
    with hub.database.write() as session:
        assert variables["AWS_ACCESS_KEY_ID"] == repr(key_for_person(session, "alice").access_key)
    secrets = [hub.instance.secret(name) for name in HEX_SECRETS]
    assert not [name for name, value in variables.items() for secret in secrets if secret in value]


def test_files_and_data_are_there(hub: Installation, alice: LabClient) -> None:
    names = {entry["name"] for entry in alice.get("contents/")["content"]}
    assert names == {"example", "s3"}
    (hub.instance.s3 / "team" / "shared.txt").write_text("for all")
    assert alice.get("contents/s3/team/shared.txt")["content"] == "for all"
    assert {entry["name"] for entry in alice.get("contents/s3")["content"]} == {"me", "team"}


def test_packages_of_ones_own_stay_out_of_the_profile_and_the_lab_says_so(alice: LabClient, tmp_path: Path) -> None:
    source = tmp_path / "oddity"
    source.mkdir()
    (source / "oddity.py").write_text("answer = 42\n")
    build = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    (source / "pyproject.toml").write_text(
        f'{build}[project]\nname = "oddity"\nversion = "1"\n[tool.hatch.build]\ninclude = ["oddity.py"]\n'
    )
    kernel = alice.start_kernel()
    said = alice.execute(kernel, f"%pip install --no-index --no-build-isolation {source}")
    assert "Successfully installed oddity-1" in said
    assert "Runs and dashboards use the profile as it is and won't see them." in said
    assert alice.execute(kernel, "import oddity; print(oddity.answer)") == "42\n"
    assert "/homes/alice/" in alice.execute(kernel, "print(oddity.__file__)")
    profile = alice.execute(kernel, "import pandas, sys; print(pandas.__file__)").strip()
    python = Path(profile.partition("/lib/")[0]) / "bin" / "python"
    assert subprocess.run([python, "-c", "import oddity"], capture_output=True).returncode == 1
    removing = alice.execute(kernel, "!pip uninstall -y six 2>&1")
    assert "outside environment" in removing


def test_a_terminal_finds_the_programs_of_the_profile(hub: Installation, alice: LabClient) -> None:
    kernel = alice.start_kernel()
    assert alice.in_terminal("command -v yard") == alice.execute(kernel, "import shutil; print(shutil.which('yard'))")
    prefix = "import sys; print(sys.prefix)"
    assert alice.in_terminal(f"python -c '{prefix}'") == alice.execute(kernel, prefix)


def test_memory_is_limited_for_each_process(alice: LabClient) -> None:
    kernel = alice.start_kernel()
    assert alice.execute(kernel, "import numpy; print(numpy.ones(2**20).size)") == f"{2**20}\n"
    with pytest.raises(AssertionError, match="MemoryError"):
        alice.execute(kernel, "numpy.ones(5 * 2**30 // 8)")


def test_a_missing_environment_is_named(hub: Installation) -> None:
    hub.person("carol")
    said = failure(hub, "carol", "missing")
    assert "The environment of profile &#39;missing&#39; is missing: there is no " in said


def test_a_lab_that_ends_at_once_shows_its_last_words(hub: Installation) -> None:
    hub.person("dora")
    said = failure(hub, "dora", "without-lab")
    assert "Your lab ended while it was starting (exit code 1)." in said
    assert "No module named" in said
    assert "noteyard_lab" in said


def test_a_lab_that_does_not_answer_is_given_up(hub: Installation) -> None:
    hub.person("emil")
    said = failure(hub, "emil", "silent")
    assert "Your lab did not answer within 30 seconds." in said
    assert "waiting for nothing" in said
    assert not [process for process in hub.labs() if environment(process).get("NOTEYARD_LAB") == "emil"]


def test_a_profile_for_others_is_refused(hub: Installation) -> None:
    hub.person("fred")
    client = hub.logged_in("fred")
    assert 'value="closed"' not in client.get("/hub/spawn").text
    said = failure(hub, "fred", "closed")
    assert "&#39;closed&#39; is not open to you; choose one of: default, small" in said


def test_a_lab_that_dies_is_noticed_and_can_be_started_again(hub: Installation) -> None:
    hub.person("gina")
    start_lab(hub, "gina", profile="default")
    server = lab_server(hub, "gina")
    os.kill(server, signal.SIGKILL)
    until(lambda: not ready(hub, "gina"), 30, "the hub's notice")
    until(lambda: hub.hub_api().get("/users/gina").json()["servers"] == {}, 30, "the end of the lab")
    answer = hub.client("gina.localhost").get("/user/gina/lab")
    assert answer.headers["location"].startswith(hub.urls.hub)
    start_lab(hub, "gina", profile="default")
    assert lab_server(hub, "gina") != server


def test_stopping_a_lab_ends_all_that_it_started(hub: Installation) -> None:
    hub.person("hugo")
    lab = start_lab(hub, "hugo", profile="default")
    kernel = lab.start_kernel()
    detached = "import subprocess; print(subprocess.Popen(['setsid', 'nohup', 'sleep', '600']).pid)"
    pid = int(lab.execute(kernel, detached))
    assert hub.hub_api().delete("/users/hugo/server").status_code in (202, 204)
    until(lambda: not ready(hub, "hugo"), 30, "the stop")
    until(lambda: not [p for p in hub.labs() if environment(p).get("NOTEYARD_LAB") == "hugo"], 30, "the end of all")
    assert pid not in processes()
    until(lambda: hub.client("hugo.localhost").get("/user/hugo/api").status_code == 302, 10, "the route's end")


def lab_server(hub: Installation, person: str) -> int:
    found = hub.lab_servers(person)
    assert len(found) == 1, found
    return found[0]
