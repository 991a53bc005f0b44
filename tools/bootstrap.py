"""Makes the environments that Noteyard runs in, from hashed lock files. Needs nothing but Python and, once, a network.

    python3 tools/bootstrap.py            .venvs/hub and .venvs/lab, what `noteyard up` needs
    python3 tools/bootstrap.py --dev      the same, with the tools of tests and checks in .venvs/hub
    python3 tools/bootstrap.py --browser  makes sure that there is a Chromium for the browser tests
    python3 tools/bootstrap.py --keycloak makes sure that there are Java and Maven for the tests of logins by Keycloak
    python3 tools/bootstrap.py --pebble   makes sure that there is Pebble for the tests of certificates by ACME
    python3 tools/bootstrap.py --wrk      makes sure that there is wrk for the benchmarks
    python3 tools/bootstrap.py --uv       prints the path of uv, after installing it into .venvs/boot

Each environment keeps a stamp of what it was made from; nothing is done, and no network used, while that is unchanged.
"""

from __future__ import annotations  # this must load on Pythons that are too old, to say so

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".venvs"
REQUIREMENTS = ROOT / "requirements"
PACKAGES = {"hub": ROOT / "hub", "lab": ROOT / "extensions" / "noteyard-lab"}
OLDEST = (3, 11)
STAMP = ".made-from"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class Problem(Exception):
    """What is missing, in one sentence with the command that helps."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        check_python(sys.version_info[:2])
        if options.browser:
            need_browser()
            need_postgres()
            return 0
        if options.keycloak:
            need_keycloak()
            return 0
        if options.pebble:
            need_pebble()
            return 0
        if options.wrk:
            need_wrk()
            return 0
        if options.uv:
            print(need_uv())
            return 0
        make_environment("hub", "dev" if options.dev else "hub")
        make_environment("lab", "lab")
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def check_python(version: tuple[int, ...]) -> None:
    if version < OLDEST:
        have, need = (".".join(map(str, numbers)) for numbers in (version, OLDEST))
        raise Problem(
            f"Noteyard needs Python {need} or newer, and {sys.executable} is Python {have}. "
            f"Install a newer one and name it: make up PYTHON=python{need}"
        )


def make_environment(name: str, lock: str) -> None:
    """Bring `.venvs/NAME` to what the lock says; does nothing when its stamp says that it is there already."""
    folder = ENVIRONMENTS / name
    made_from = fingerprint(name, lock)
    # The tests' environment holds all of the hub's at the same versions, so it serves as the hub's too.
    accepted = {made_from, fingerprint(name, "dev")} if lock == "hub" else {made_from}
    stamp = folder / STAMP
    if stamp.is_file() and stamp.read_text() in accepted and python_of(folder).exists():
        return
    uv = need_uv()
    stamp.unlink(missing_ok=True)
    print(f"Making the {name} environment in {folder.relative_to(ROOT)} …", flush=True)
    if not python_of(folder).exists() or f"version_info = {python_version()}." not in config_of(folder):
        _run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], "make an environment")
    install = [uv, "pip", "install", "--quiet", "--python", str(python_of(folder)), "--no-deps"]
    locked = ["--require-hashes", "--compile-bytecode", "-r", str(REQUIREMENTS / f"{lock}.lock")]
    _run([*install, *locked], "install the locked packages")
    _run([*install, "--no-build-isolation", "--editable", str(PACKAGES[name])], "install Noteyard itself")
    stamp.write_text(made_from)


def fingerprint(name: str, lock: str) -> str:
    """One digest over all that an environment is made from."""
    digest = hashlib.sha256(python_version().encode())
    for path in (REQUIREMENTS / f"{lock}.lock", PACKAGES[name] / "pyproject.toml"):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def python_of(folder: Path) -> Path:
    return folder / "bin" / "python"


def config_of(folder: Path) -> str:
    """What an environment says of itself; empty when it is none."""
    path = folder / "pyvenv.cfg"
    return path.read_text() if path.is_file() else ""


def python_version() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"


def need_uv() -> str:
    """The path of uv in `.venvs/boot`, made when missing; where Python can't make environments, the system's uv."""
    folder = ENVIRONMENTS / "boot"
    uv = folder / "bin" / "uv"
    lock = REQUIREMENTS / "boot.lock"
    made_from = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = folder / STAMP
    if uv.exists() and stamp.is_file() and stamp.read_text() == made_from:
        return str(uv)
    if find_spec("ensurepip") is None or find_spec("venv") is None:
        found = shutil.which("uv")
        if found is not None:
            return found
        raise Problem(
            "This Python can't make environments (venv is missing). "
            f"Install it: apt-get install python{sys.version_info[0]}.{sys.version_info[1]}-venv"
        )
    _run([sys.executable, "-m", "venv", "--clear", str(folder)], "make an environment")
    pip = [str(python_of(folder)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "--require-hashes", "-r", str(lock)], "install uv")
    stamp.write_text(made_from)
    return str(uv)


def need_browser() -> None:
    """A Chromium for the browser tests: the system's, else by apt-get where this may install."""
    if not any(shutil.which(name) for name in BROWSERS):
        _install("The browser tests need Chromium.", "chromium")


def need_postgres() -> None:
    """PostgreSQL's programs for the store's tests: the system's, else by apt-get where this may install."""
    if shutil.which("initdb") is None and not any(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        _install("The store's tests need PostgreSQL.", "postgresql")


def need_keycloak() -> None:
    """Java and Maven for the tests of logins by a real Keycloak, which Maven fetches."""
    for program, package in (("java", "openjdk-17-jre-headless"), ("mvn", "maven")):
        if shutil.which(program) is None:
            _install(f"The tests of logins by Keycloak need {program}.", package)


def need_pebble() -> None:
    """Pebble, an ACME server for tests."""
    if shutil.which("pebble") is None:
        _install("The tests of certificates by ACME need Pebble.", "pebble")


def need_wrk() -> None:
    """wrk, which makes the requests that the benchmarks count."""
    if shutil.which("wrk") is None:
        _install("The benchmarks need wrk.", "wrk")


def _install(need: str, package: str) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise Problem(f"{need} Install it: sudo apt-get install {package}")
    print(f"{need} Installing it …", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-qq"], "read the list of Debian's packages", environment)
    _run(["apt-get", "install", "-y", "-qq", package], f"install {package}", environment)


def _run(command: list[str], purpose: str, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, check=False, env=environment, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        raise Problem(
            f"Could not {purpose}: what went wrong stands above. If it is the network (the first start needs one), "
            "start the same command again when it is back; a proxy goes into HTTPS_PROXY."
        )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dev", action="store_true", help="with the tools of tests and checks")
    parser.add_argument("--browser", action="store_true", help="only see to it that there is a Chromium")
    parser.add_argument("--keycloak", action="store_true", help="only see to it that there are Java and Maven")
    parser.add_argument("--pebble", action="store_true", help="only see to it that there is Pebble, an ACME server")
    parser.add_argument("--wrk", action="store_true", help="only see to it that there is wrk, for the benchmarks")
    parser.add_argument("--uv", action="store_true", help="only install uv and print its path")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
