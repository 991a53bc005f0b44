"""What a lab has to tell is shown in a real JupyterLab while it is true."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import noteyard_lab
import pytest
from playwright.sync_api import Browser, expect

from tests.support.ports import free_port
from tests.support.waiting import until

PYTHON = Path(__file__).parents[2] / ".venvs" / "lab" / "bin" / "python"
LAB = Path(noteyard_lab.__file__).parent / "lab"
SAID = "The storage does not answer: s3/team and s3/me can't be read or written until it does. All else works."


@pytest.fixture
def status(tmp_path: Path) -> Path:
    return tmp_path / "status.json"


@pytest.fixture
def lab(tmp_path: Path, status: Path) -> Iterator[str]:
    """The address of a JupyterLab with a lab's configuration, but without a hub."""
    port = free_port()
    home = tmp_path / "home"
    home.mkdir()
    environment = {
        "PATH": f"{PYTHON.parent}:{os.defpath}",
        "HOME": str(home),
        "JUPYTER_PATH": str(LAB / "jupyter_data"),
        "JUPYTER_CONFIG_PATH": str(LAB / "jupyter_config"),
        "NOTEYARD_S3_STATUS": str(status),
    }
    options = [f"--port={port}", "--no-browser", "--IdentityProvider.token=", "--allow-root"]
    command = [str(PYTHON), "-m", "jupyterlab", *options, f"--ServerApp.root_dir={home}"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _answers(f"{url}/api"), 120, "the lab")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    with suppress(httpx.TransportError):
        return httpx.get(url).status_code == 200
    return False


@pytest.mark.timeout(600)
def test_a_notice_is_shown_while_it_is_true(lab: str, status: Path, chrome: Browser) -> None:
    status.write_text(json.dumps({"state": "away", "said": SAID}))
    context = chrome.new_context()
    context.set_default_timeout(120_000)
    try:
        page = context.new_page()
        page.goto(f"{lab}/lab", wait_until="commit")
        notice = page.locator(".Toastify__toast").filter(has_text=SAID)
        expect(notice).to_be_visible(timeout=240_000)
        status.write_text(json.dumps({"state": "ready", "said": ""}))
        expect(notice).to_have_count(0, timeout=60_000)
    finally:
        context.close()
