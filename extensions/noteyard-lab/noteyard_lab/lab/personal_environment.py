"""A person's own packages: a virtual environment laid over the profile's.

Kernels and terminals run in it: they see the person's packages first and the profile's after them. `pip install` goes
into it by itself, and pip refuses to remove what lies outside of it, so that the profile's environment, which runs and
dashboards use too, stays as it is. (pip's user scheme does not work inside virtual environments.) The lab's server
runs in the profile's environment alone: packages that break each other can always be removed from a terminal.
"""

import json
import os
import shlex
import shutil
import sys
import sysconfig
import venv
from collections.abc import Mapping
from pathlib import Path

PIP = """#!/bin/sh
exec {python} -m pip "$@"
"""
NOTICE = "import sys; 'pip' in sys.orig_argv[:3] and __import__('noteyard_lab.lab.pip_notice')\n"


def prepare(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Make the environment at `folder` when it is missing or was made for another Python; returns variables to set."""
    python = folder / "bin" / "python"
    base = Path(sys._base_executable).resolve()  # type: ignore[attr-defined]
    if not python.exists() or python.resolve() != base:
        for link in (folder / "bin").glob("python*"):
            link.unlink()  # venv keeps links that are there
        venv.EnvBuilder(symlinks=True).create(folder)
    _lay_over_profile(folder)
    _write_pip(folder, python)
    share = folder / "share" / "jupyter"
    _write_kernel(share / "kernels" / "python3", python)
    profile = Path(sys.prefix) / "bin"
    return {
        "PATH": os.pathsep.join([str(folder / "bin"), str(profile), environment.get("PATH", os.defpath)]),
        "JUPYTER_PATH": os.pathsep.join([str(share), *_set(environment.get("JUPYTER_PATH"))]),
    }


def _lay_over_profile(folder: Path) -> None:
    theirs = Path(sysconfig.get_path("purelib"))
    own = folder / theirs.relative_to(sys.prefix)
    own.mkdir(parents=True, exist_ok=True)
    # addsitedir, not a bare path: the profile's own .pth files (editable installs) count too.
    line = f"import site; site.addsitedir({str(theirs)!r})\n"
    _write(own / "_noteyard_profile.pth", line + NOTICE)


def _write_pip(folder: Path, python: Path) -> None:
    major, minor = sys.version_info[:2]
    for name in ("pip", f"pip{major}", f"pip{major}.{minor}"):
        path = folder / "bin" / name
        _write(path, PIP.format(python=shlex.quote(str(python))))
        path.chmod(0o755)


def _write_kernel(folder: Path, python: Path) -> None:
    # Named as the profile's own kernel, which it takes the place of in the lab.
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    specification = folder / "kernel.json"
    if specification.exists() and json.loads(specification.read_text())["argv"] == argv:
        return
    from ipykernel.kernelspec import write_kernel_spec  # imports much: not at every start

    shutil.rmtree(folder, ignore_errors=True)
    write_kernel_spec(str(folder), {"argv": argv, "display_name": "Python 3"})


def _write(path: Path, content: str) -> None:
    if not path.exists() or path.read_text() != content:
        path.write_text(content)


def _set(value: str | None) -> list[str]:
    return [value] if value else []
