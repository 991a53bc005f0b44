"""Every command of the README is run as it stands there, in its order, on an installation of its own."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import environment
from tests.support.ports import free_port
from tests.support.product import LAB
from tests.support.readme import README, commands

ROOT = Path(__file__).parents[2]
MADE = {"make up", "make test"}
"""Run by whoever runs this test; after `make test`, `make up` only starts what the test starts below."""


def test_the_readme_says_what_make_knows() -> None:
    made = {line for line in commands() if line.startswith("make ")}
    assert made == MADE
    for name in [*made, *re.findall(r"`(make [a-z-]+)`", README)]:
        shown = subprocess.run(["make", "-n", *name.split()[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
        assert shown.returncode == 0, f"{name}: {shown.stderr}"


def test_every_file_that_the_readme_names_is_there() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", README):
        assert (ROOT / target).exists(), f"README.md links to {target}, which does not exist"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_every_command_works_as_written(tmp_path: Path) -> None:
    state, lab = tmp_path / "state", tmp_path / "lab"
    shutil.copytree(ROOT / "notebooks", lab / "example")
    port = free_port()
    variables = {**environment(state), "NOTEYARD_PORT": str(port)}
    admin = [line for line in commands() if "/noteyard " in line]
    users = [line for line in commands() if line.startswith("yard ")]
    (example,) = (line.removeprefix("cd ") for line in commands() if line.startswith("cd "))
    assert admin and users
    until_token = next(index for index, line in enumerate(admin) if " token " in line) + 1
    try:
        printed = [_admin(line, variables, tmp_path) for line in admin[:until_token]]
        token = printed[-1].strip().splitlines()[-1]
        for line in users:
            _yard(line, lab / example, {"NOTEYARD_URL": f"http://localhost:{port}", "NOTEYARD_TOKEN": token})
        for line in admin[until_token:]:
            _admin(line, variables, tmp_path)
    finally:
        subprocess.run([Path(sys.prefix) / "bin" / "noteyard", "down"], env=variables, check=False, timeout=120)


def _admin(line: str, variables: dict[str, str], folder: Path) -> str:
    words = shlex.split(line)
    assert words[0] == ".venvs/hub/bin/noteyard"
    return _run([str(Path(sys.prefix) / "bin" / "noteyard"), *words[1:]], line, variables, folder)


def _yard(line: str, folder: Path, variables: dict[str, str]) -> None:
    surroundings = {**variables, "PATH": f"{LAB}:{os.environ['PATH']}", "HOME": str(folder)}
    _run(["/bin/sh", "-c", line], line, surroundings, folder)


def _run(argv: list[str], line: str, variables: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        argv,
        env=variables,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout
