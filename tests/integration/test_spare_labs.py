"""Spares: processes that become a person's lab."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from noteyard.backends.local.lab_environment import MARK
from noteyard.backends.local.processes import environment, processes
from noteyard.backends.local.spare_labs import OPTION, SpareLabs, hand_over
from noteyard.instance import Instance
from noteyard.urls import PublicUrls

from tests.support.installation import Installation, installation
from tests.support.lab_client import start_lab
from tests.support.product import LAB
from tests.support.waiting import until

PYTHON = LAB / "python"
KNOWS_A_HOME = """
import gc, importlib, json, os, sys
from noteyard_lab.lab import builds, spare
builds.leave_out()
for name in spare.AHEAD:
    importlib.import_module(name)
known = set()
for thing in gc.get_objects():
    try:
        known.update((str(k), v) for k, v in vars(thing).items() if isinstance(v, (str, bytes)))
    except Exception:
        pass
    if isinstance(thing, dict):
        known.update((str(k), v) for k, v in list(thing.items()) if isinstance(v, (str, bytes)))
    if isinstance(thing, (list, tuple)):
        known.update(("item", v) for v in thing if isinstance(v, (str, bytes)))
places = os.environ["HOME"], os.getcwd()
print(json.dumps(sorted({name for name, value in known if os.fsdecode(value).startswith(places)} - {"HOME", "PWD"})))
"""
"""Names under which modules keep what they read in HOME or in the folder where they were imported."""
IMPORTS_UNTIL = """#!{python} -I
import pathlib, sys, time
class Slow:
    def find_spec(name, path=None, target=None):
        while name == "jupyterhub.singleuser" and not pathlib.Path({gate!r}).exists():
            time.sleep(0.01)
sys.meta_path.insert(0, Slow)
from noteyard_lab.lab.spare import become_a_lab
print("became a lab" if become_a_lab() else "ended", flush=True)
"""
"""A spare whose imports go on until a file is there."""
URLS = PublicUrls("http://localhost", "http://apps.localhost", "http://localhost:8001")


def spares(hub: Installation) -> list[int]:
    return [process.id.pid for process in hub.labs() if process.ends_with(OPTION) and _waits(environment(process))]


def _waits(variables: dict[str, str]) -> bool:
    return not variables.get(MARK, "x").strip()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("spares") / "state") as running:
        yield running


def test_a_spare_becomes_a_persons_lab_and_another_takes_its_place(hub: Installation) -> None:
    (spare,) = until(lambda: spares(hub), 30, "a spare")
    hub.person("alice")
    lab = start_lab(hub, "alice")
    assert hub.lab_servers("alice") == [spare], "seen as the person's from outside too"
    kernel = lab.start_kernel()
    said = lab.execute(
        kernel, "import os, pathlib; print(os.getcwd(), pathlib.Path.home(), os.environ['NOTEYARD_LAB'])"
    )
    home = str(hub.instance.home("alice"))
    assert said.split() == [home, home, "alice"]
    assert "is running at" in (hub.instance.logs / "labs" / "alice.log").read_text()
    shown = environment(processes()[spare])
    assert not [name for name in shown if "TOKEN" in name or "SECRET" in name]
    until(lambda: len(spares(hub)) == 1, 30, "the next spare")
    assert hub.hub_api().delete("/users/alice/server").status_code in (202, 204)
    until(lambda: not hub.lab_servers("alice"), 30, "the stop")


def test_a_lab_of_a_spare_outlives_the_hub_and_a_spare_does_not(hub: Installation) -> None:
    until(lambda: spares(hub), 30, "a spare")
    hub.person("bert")
    start_lab(hub, "bert")
    (other,) = until(lambda: spares(hub), 30, "the next spare")
    (server,) = hub.lab_servers("bert")
    hub.kill("hub")
    until(lambda: other not in processes(), 30, "the spare's end")
    assert server in processes()
    hub.start("hub")
    assert hub.hub_api().delete("/users/bert/server").status_code in (202, 204)
    until(lambda: server not in processes(), 30, "the stop of an adopted lab")


def test_nothing_that_is_imported_ahead_knows_a_home_or_a_folder(tmp_path: Path) -> None:
    home, folder = tmp_path / "somebodys-home", tmp_path / "somebodys-folder"
    home.mkdir(), folder.mkdir()
    variables = {"HOME": str(home), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [PYTHON, "-I", "-c", KNOWS_A_HOME], env=variables, cwd=folder, capture_output=True, text=True, check=True
    )
    # The trash is noted anew. What site notes is for sys.path, which is complete; the folder (of multiprocessing, rich)
    # is for processes that a lab's server does not start, and for paths in tracebacks.
    trash, of_site = {"HOMETRASH", "HOMETRASH_B", "XDG_DATA_HOME"}, {"USER_BASE", "USER_SITE"}
    assert set(json.loads(done.stdout)) == trash | of_site | {"ORIGINAL_DIR", "_IMPORT_CWD"}


def test_a_spare_that_is_asked_while_it_imports_says_at_once_whose_lab_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    python = tmp_path / "env" / "bin" / "python"
    (tmp_path / "env" / "lib" / "python3.11" / "site-packages").mkdir(parents=True)
    python.parent.mkdir()
    python.write_text(IMPORTS_UNTIL.format(python=PYTHON, gate=str(tmp_path / "gate")))
    python.chmod(0o700)
    made = SpareLabs(Instance(tmp_path), URLS, 1)
    made.fill(tmp_path / "env")
    spare = made.take(tmp_path / "env")
    assert spare is not None
    log = tmp_path / "log"
    log.touch()
    assert hand_over(spare, {MARK: "alice", "HOME": str(tmp_path)}, [], log)

    def shown() -> dict[str, str]:
        return environment(processes()[spare.pid])

    until(lambda: shown().get(MARK) == "alice", 10, "the mark")
    assert shown()["HTTPS_PROXY"] == "http://proxy.example:3128", "which modules read when they are imported"
    assert log.read_text() == ""
    (tmp_path / "gate").touch()
    assert spare.wait(30) == 0
    assert log.read_text() == "became a lab\n"


def test_a_spare_of_an_environment_that_changed_since_is_not_used(tmp_path: Path) -> None:
    packages = tmp_path / "env" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (tmp_path / "env" / "bin").mkdir()
    (tmp_path / "env" / "bin" / "python").symlink_to(PYTHON)
    made = SpareLabs(Instance(tmp_path), URLS, 1)
    made.fill(tmp_path / "env")
    assert made.take(tmp_path / "other") is None
    os.utime(packages, ns=(1, 1))
    assert made.take(tmp_path / "env") is None
    made.fill(tmp_path / "env")
    spare = made.take(tmp_path / "env")
    assert spare is not None and made.take(tmp_path / "env") is None
    spare.kill()
    spare.wait()
    assert not hand_over(spare, {MARK: "alice", "HOME": "/"}, [], tmp_path / "log"), "it has ended"
    assert made.take(tmp_path / "nowhere") is None
    made.fill(tmp_path / "nowhere")
