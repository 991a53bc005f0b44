"""A dashboard's launcher as a real process of the lab's environment, for tests."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.support.dashboard_side import ROOT, WORKLOAD, DashboardSide, Signer, claim_for, dashboard_side
from tests.support.waiting import until

PYTHON = ROOT / ".venvs" / "lab" / "bin" / "python"
WITHOUT_ROOTS_RIGHT = ["setpriv", "--bounding-set=-sys_ptrace,-perfmon,-sys_admin"] if os.geteuid() == 0 else []
"""Root may look into every process; tests that run as root give that up, so that they see what people see."""


@dataclass
class Launcher:
    """The process with its hub side; `errors` is the file it logs to."""

    process: subprocess.Popen[str]
    side: DashboardSide
    folder: Path
    errors: Path

    def until_ready(self) -> None:
        """Wait until it serves. Fails with its log when it ends before."""

        def ready() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"the launcher ended with {self.process.returncode}:\n{self.errors.read_text()}")
            return self.side.report.get("state") == "ready"

        until(ready, 60, f"the launcher is ready; its log: {self.errors}")

    def visit(self, sid: str = "sid-of-ada", name: str = "ada", **parameters: Any) -> httpx.Response:
        """Open the dashboard as this viewer, straight at the launcher."""
        return self.ask("/live/", sid, name, parameters=parameters or None)

    def ask(
        self, path: str, sid: str = "sid-of-ada", name: str = "ada", method: str = "GET", **claims: Any
    ) -> httpx.Response:
        """Any request of this viewer."""
        token = self.side.signer.token(sid, name, **claims)
        return httpx.request(method, self.address + path, headers={"X-Noteyard-Viewer": token}, timeout=60)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.side.live_port}"

    @property
    def kernels(self) -> list[psutil.Process]:
        """The kernels' processes."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]

    def end(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def kernel_id(page: str) -> str:
    """The id of the kernel behind a live page."""
    found = re.search(r'"kernelId": "([^"]+)"', page)
    assert found is not None, page
    return found.group(1)


def code(source: str, *tags: str) -> dict[str, Any]:
    """A code cell."""
    return {
        "cell_type": "code",
        "source": source,
        "metadata": {"tags": list(tags)},
        "outputs": [],
        "execution_count": None,
    }


def markdown(source: str) -> dict[str, Any]:
    """A markdown cell."""
    return {"cell_type": "markdown", "source": source, "metadata": {}}


def write_notebook(path: Path, *cells: dict[str, Any]) -> None:
    """A Python notebook of these cells."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    numbered = [{"id": f"cell-{index}", **cell} for index, cell in enumerate(cells)]
    notebook = {"cells": numbered, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook))


@contextmanager
def launched(folder: Path, *cells: Any, **claim: Any) -> Iterator[Launcher]:
    """A launcher that serves a notebook of these cells, ended with all it started."""
    release, work = folder / "release", folder / "work"
    write_notebook(release / "sales.ipynb", *cells)
    work.mkdir()
    signer = Signer()
    answer, files = claim_for(release, "sales.ipynb", signer, **claim)
    with dashboard_side(DashboardSide(answer, files, signer)) as side:
        launcher = start(side, work, folder / "launcher.log")
        try:
            yield launcher
        finally:
            if launcher.process.poll() is None:
                launcher.process.send_signal(signal.SIGTERM)
            try:
                launcher.process.wait(20)
            except subprocess.TimeoutExpired:
                launcher.process.kill()
                launcher.process.wait(5)


def start(side: DashboardSide, work: Path, errors: Path) -> Launcher:
    """Start the process in an empty work folder, its token by standard input."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
    home = work.parent / "home"
    home.mkdir(exist_ok=True)
    with errors.open("w") as log:
        process = subprocess.Popen(
            [*WITHOUT_ROOTS_RIGHT, PYTHON, "-m", "noteyard_lab.dashboard", "--workload", WORKLOAD],
            cwd=work,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            text=True,
            env={**kept, "HOME": str(home), "NOTEYARD_TASK": WORKLOAD},
            start_new_session=True,
        )
    assert process.stdin is not None
    process.stdin.write(side.access_line + "\n")
    process.stdin.close()
    return Launcher(process, side, work, errors)
