"""Where `yard` finds Noteyard, and what it says when it does not; and that it starts fast."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.yard_server import running
from tests.integration.yard_state import TOKEN, YardServer
from tests.integration.yard_tool import LAB_PYTHON, yard


@pytest.fixture(scope="module")
def server() -> Iterator[YardServer]:
    with running(YardServer()) as server:
        yield server


def test_without_an_address(tmp_path: Path) -> None:
    done = yard("runs", environment={}, folder=tmp_path)
    assert done.returncode == 1
    assert "NOTEYARD_URL is not set." in done.stderr


@pytest.mark.parametrize("address", ["notes.example.org", "http://localhost:80a", "http://[bad", "http://x:99999"])
def test_with_something_else_than_an_address(tmp_path: Path, address: str) -> None:
    done = yard("runs", environment={"NOTEYARD_URL": address, "NOTEYARD_TOKEN": "x"}, folder=tmp_path)
    assert done.returncode == 1
    assert f"NOTEYARD_URL is {address!r}, which is not an address." in done.stderr


def test_without_a_token(server: YardServer, tmp_path: Path) -> None:
    done = yard("runs", environment={"NOTEYARD_URL": server.url}, folder=tmp_path)
    assert done.returncode == 1
    assert "neither NOTEYARD_TOKEN nor, as in a lab, JUPYTERHUB_API_TOKEN is set." in done.stderr
    assert "→ Make a token" in done.stderr


def test_with_a_token_that_is_not_known(server: YardServer, tmp_path: Path) -> None:
    done = yard("runs", environment={"NOTEYARD_URL": server.url, "NOTEYARD_TOKEN": "wrong-token"}, folder=tmp_path)
    assert done.returncode == 1
    assert "The token is not known." in done.stderr
    assert "wrong-token" not in done.stderr + done.stdout


def test_nobody_answers(tmp_path: Path) -> None:
    with socket.socket() as bound:  # bound, and not listening: the port stays free of others
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        done = yard("runs", environment={"NOTEYARD_URL": url, "NOTEYARD_TOKEN": TOKEN}, folder=tmp_path)
    assert done.returncode == 7
    assert f"Noteyard at {url} could not be reached" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_proxy_is_not_asked_for_this_machine(server: YardServer, tmp_path: Path) -> None:
    proxy = {"HTTP_PROXY": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9"}
    done = yard("runs", environment={**server.environment(), **proxy}, folder=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("/elsewhere", "answered with something else than JSON."),
        ("/moved", "answered 307 Temporary Redirect, a redirect to http://other.example/login."),
        ("/nowhere", "Not Found"),
    ],
)
def test_another_server_answers(server: YardServer, tmp_path: Path, place: str, words: str) -> None:
    wrong = {"NOTEYARD_URL": server.url + place, "NOTEYARD_TOKEN": TOKEN}
    done = yard("runs", environment=wrong, folder=tmp_path)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_help_loads_nothing_that_is_slow() -> None:
    program = (
        "import sys; from noteyard_lab.yard.main import make_app; make_app(); "
        "print(sorted({'httpx', 'rich', 'IPython', 'pandas', 'importlib.metadata'} & set(sys.modules)))"
    )
    done = subprocess.run([LAB_PYTHON, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_help_tells_the_exit_codes(tmp_path: Path) -> None:
    done = yard("--help", environment={}, folder=tmp_path)
    assert done.returncode == 0
    assert "0 done, and with --wait the run succeeded" in " ".join(done.stdout.split())
