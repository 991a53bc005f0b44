"""`noteyard config …`, `--help`, and what commands say where nothing runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.support.command import noteyard


def test_showing_settings_without_secrets(tmp_path: Path) -> None:
    (tmp_path / "noteyard.yaml").write_text("port: 9000\ndatabase_url: postgresql+psycopg://yard:hidden-one@db/yard\n")
    shown = noteyard(tmp_path, "config", "show")
    content = yaml.safe_load(shown)
    assert content["port"] == 9000 and content["runs"]["concurrent"] == 4
    assert content["database_url"] == "postgresql+psycopg://yard:…@db/yard"
    assert "hidden-one" not in shown
    assert noteyard(tmp_path, "config", "show", "runs.concurrent") == "4\n"
    assert "There is no option 'runs.concurent'" in noteyard(tmp_path, "config", "show", "runs.concurent", code=1)


def test_checking_settings(tmp_path: Path) -> None:
    assert noteyard(tmp_path, "config", "check") == "Nothing is missing.\n"
    (tmp_path / "noteyard.yaml").write_text("bind: 0.0.0.0\n")
    said = noteyard(tmp_path, "config", "check", code=1)
    assert said.startswith("problem: bind is 0.0.0.0, but links lead to http://localhost:8000")
    findings = json.loads(noteyard(tmp_path, "config", "check", "--json", code=1))
    assert findings[0]["weight"] == "problem"


def test_where_nothing_runs(tmp_path: Path) -> None:
    state = tmp_path / "none"
    assert noteyard(state, "status", code=3) == (
        f"Noteyard is not running (state folder {state}). Start it with: noteyard up\n"
    )
    assert json.loads(noteyard(state, "status", "--json", code=3))["running"] is False
    assert noteyard(state, "down") == f"Noteyard is not running (state folder {state}).\n"
    assert "Noteyard was never started there" in noteyard(state, "logs", code=1)
    assert not state.exists()


@pytest.mark.parametrize(
    "words", [[], ["up"], ["user", "add"], ["token"], ["config", "check"], ["backup"], ["restore"]]
)
def test_help_is_complete(tmp_path: Path, words: list[str]) -> None:
    shown = noteyard(tmp_path, *words, "--help")
    options = [line for line in shown.splitlines() if line.startswith("  --")]
    assert options or not words
    assert all(len(line.split(None, 1)) == 2 for line in options)


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, noteyard.cli; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"sqlalchemy", "pydantic", "jupyterhub", "supervisor", "rich", "httpx"} & set(modules)
