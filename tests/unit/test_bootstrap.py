"""tools/bootstrap.py: what is missing is named with the command that helps; nothing is done twice."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "bootstrap.py"


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The tool, working in an empty folder."""
    specification = importlib.util.spec_from_file_location("bootstrap", TOOL)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "ENVIRONMENTS", tmp_path / ".venvs")
    return module


def test_a_python_that_is_too_old(bootstrap: ModuleType) -> None:
    with pytest.raises(bootstrap.Problem) as problem:
        bootstrap.check_python((3, 9))
    assert str(problem.value) == (
        f"Noteyard needs Python 3.11 or newer, and {sys.executable} is Python 3.9. "
        "Install a newer one and name it: make up PYTHON=python3.11"
    )
    bootstrap.check_python((3, 13))


def test_a_python_without_venv(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "find_spec", lambda name: None)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    with pytest.raises(bootstrap.Problem, match=r"Install it: apt-get install python3\.\d+-venv"):
        bootstrap.need_uv()
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert bootstrap.need_uv() == "/usr/bin/uv"


def test_a_browser_that_can_not_be_installed(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    with pytest.raises(bootstrap.Problem, match="sudo apt-get install chromium"):
        bootstrap.need_browser()
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: "/usr/bin/chromium")
    bootstrap.need_browser()


def test_a_command_that_fails_says_what_to_do(bootstrap: ModuleType) -> None:
    with pytest.raises(bootstrap.Problem, match=r"Could not install uv: .*the first start needs one"):
        bootstrap._run([sys.executable, "-c", "raise SystemExit(1)"], "install uv")


def test_an_environment_that_is_there_is_left_alone(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run(command: list[str], purpose: str) -> None:
        ran.append(command)
        if command[1] == "venv":
            folder = Path(command[-1])
            (folder / "bin").mkdir(parents=True)
            (folder / "bin" / "python").touch()
            (folder / "pyvenv.cfg").write_text(f"version_info = {bootstrap.python_version()}.7\n")

    monkeypatch.setattr(bootstrap, "need_uv", lambda: "uv")
    monkeypatch.setattr(bootstrap, "_run", run)
    bootstrap.make_environment("hub", "dev")
    assert [command[1] for command in ran] == ["venv", "pip", "pip"]
    assert "--require-hashes" in ran[1] and "--compile-bytecode" in ran[1]
    ran.clear()
    bootstrap.make_environment("hub", "dev")
    bootstrap.make_environment("hub", "hub")  # the tests' environment serves as the hub's
    assert ran == []
    (bootstrap.ENVIRONMENTS / "hub" / bootstrap.STAMP).write_text("made from another lock")
    bootstrap.make_environment("hub", "hub")
    assert [command[1] for command in ran] == ["pip", "pip"]
    ran.clear()
    bootstrap.make_environment("hub", "dev")
    assert ran != []


def test_problems_are_one_sentence() -> None:
    code = (
        "import runpy, sys; sys.version_info = (3, 8, 1); sys.argv = ['bootstrap']; "
        f"runpy.run_path({str(TOOL)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("Noteyard needs Python 3.11 or newer") and done.stderr.count("\n") == 1
