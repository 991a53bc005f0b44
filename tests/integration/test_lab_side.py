"""What a lab does on the user side, by the lab environment's own Python."""

import os
import subprocess
import sys
from pathlib import Path

LAB = Path(sys.prefix).parent / "lab" / "bin" / "python"
PREPARE = """
import json, os, sys
from pathlib import Path
from noteyard_lab.lab.personal_environment import prepare
print(json.dumps(prepare(Path(sys.argv[1]), os.environ)))
"""
TERMINAL = """
import os, sys, time
from ptyprocess import PtyProcess
from noteyard_lab.lab.activity import _has_foreground_command

def until(wanted):
    deadline = time.monotonic() + 20
    while _has_foreground_command(shell) is not wanted:
        assert time.monotonic() < deadline, wanted
        time.sleep(0.05)

shell = PtyProcess.spawn(["/bin/sh", "-i"], env={"PATH": os.environ["PATH"], "PS1": "$ "})
until(False)
shell.write(b"sleep 1\\n")
until(True)
until(False)
shell.terminate(force=True)
until(False)
"""


def run(*words: str | Path) -> str:
    done = subprocess.run([LAB, "-I", *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_ones_own_environment_is_laid_over_the_profiles(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    run("-c", PREPARE, folder)
    python = folder / "bin" / "python"
    own = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (own / "mine.py").write_text("here = 'mine'")
    code = "import mine, pandas, noteyard_lab, sys; print(mine.here, sys.prefix)"
    assert subprocess.check_output([python, "-c", code], text=True) == f"mine {folder}\n"
    stamp = (own / "_noteyard_profile.pth").stat().st_mtime_ns
    run("-c", PREPARE, folder)
    assert (own / "mine.py").exists(), "a second start keeps what was installed"
    assert (own / "_noteyard_profile.pth").stat().st_mtime_ns == stamp


def test_kernels_and_pip_of_the_lab_are_ones_own(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    variables = run("-c", PREPARE, folder)
    assert f'"PATH": "{folder / "bin"}{os.pathsep}{LAB.parent}{os.pathsep}' in variables
    kernel = (folder / "share" / "jupyter" / "kernels" / "python3" / "kernel.json").read_text()
    assert str(folder / "bin" / "python") in kernel
    environment = {"PATH": f"{folder / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path)}
    said = subprocess.check_output(["pip", "--version"], env=environment, text=True)
    assert "pip" in said
    assert "Runs and dashboards" not in said


def test_an_environment_made_for_another_python_is_made_anew(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to("/bin/true")
    run("-c", PREPARE, folder)
    assert subprocess.check_output([folder / "bin" / "python", "-c", "print(1)"], text=True) == "1\n"


def test_a_terminal_in_which_a_command_runs_is_active() -> None:
    run("-c", TERMINAL)
