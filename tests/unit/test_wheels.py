"""The two distributions are whole: they hold what they read, and name what they import."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILDING = {"hatchling", "editables"}


def _wheel(folder: str, into: Path) -> set[str]:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)]
    subprocess.run(command, cwd=ROOT / folder, check=True, capture_output=True)
    (made,) = into.glob("*.whl")
    return set(zipfile.ZipFile(made).namelist())


@pytest.mark.parametrize(("folder", "package"), [("hub", "noteyard"), ("extensions/noteyard-lab", "noteyard_lab")])
def test_a_wheel_holds_every_file_of_its_package_in_git(folder: str, package: str, tmp_path: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-s", package], cwd=ROOT / folder, check=True, capture_output=True, text=True
    )
    rows = [line.split(maxsplit=3) for line in listed.stdout.splitlines()]
    files = {path for mode, _, _, path in rows if mode != "120000"}
    assert len(files) > 20
    assert files - _wheel(folder, tmp_path) == set()


def test_the_wheels_hold_what_pages_load_and_the_worked_example(tmp_path: Path) -> None:
    assert "noteyard_lab/lab/notebooks/weather/collect.ipynb" in _wheel("extensions/noteyard-lab", tmp_path / "lab")
    held = _wheel("hub", tmp_path / "hub")
    assert any(name.startswith("noteyard/api/static/vendor/mathjax/") for name in held)


@pytest.mark.parametrize(("folder", "name"), [("hub", "hub"), ("extensions/noteyard-lab", "lab")])
def test_a_distribution_depends_on_what_is_locked_for_it(folder: str, name: str) -> None:
    project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
    extras = list(project.get("optional-dependencies", {}).values())
    depends = {_name(line) for names in [project["dependencies"], *extras] for line in names}
    assert _listed(f"{name}.in") - BUILDING - depends == set()
    assert depends - _listed(f"{name}.lock") == set()


def _listed(name: str) -> set[str]:
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    return {_name(line) for line in lines if line and line[0] not in "# "}


def _name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None, requirement
    return found[0].lower().replace("_", "-")
