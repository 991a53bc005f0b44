"""Log lines: JSON, one a line, with the request's id and without secrets."""

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from noteyard.logs import HIDDEN, hide_in_text, hide_secrets

PROGRAM = """
import logging, sys, structlog
from noteyard.logs import configure
configure("info")
log = structlog.get_logger("here")
with structlog.contextvars.bound_contextvars(request_id="q1"):
    log.info("run started", run="r1", token="abc", headers={"Cookie": "x=y", "Accept": "*/*"})
    logging.getLogger("library").warning("GET %s", "http://a/b?token=abcdefgh&x=1")
log.debug("not told")
logging.getLogger("httpx").info("not told either")
try:
    raise ValueError("wrong")
except ValueError:
    log.exception("turn failed", loop="runs")
"""


def test_lines_of_a_process() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    first, second, third = (json.loads(line) for line in done.stderr.splitlines())
    assert first["event"] == "run started" and first["run"] == "r1"
    assert first["request_id"] == "q1" and first["level"] == "info" and first["logger"] == "here" and first["at"]
    assert first["token"] == HIDDEN
    assert first["headers"] == {"Cookie": HIDDEN, "Accept": "*/*"}
    assert second["event"] == f"GET http://a/b?token={HIDDEN}&x=1" and second["request_id"] == "q1"
    assert third["loop"] == "runs" and "ValueError: wrong" in third["exception"]


@pytest.mark.parametrize(
    ("key", "hidden"),
    [
        ("password", True),
        ("Authorization", True),
        ("secret_key", True),
        ("api_key", True),
        ("run", False),
        ("attempt", False),
        ("path", False),
    ],
)
def test_names_that_are_secret(key: str, hidden: bool) -> None:
    event: dict[str, Any] = {key: "value"}
    assert hide_secrets(logging.getLogger(), "info", event)[key] == (HIDDEN if hidden else "value")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer abcdefghijklmnop", f"Authorization: Bearer {HIDDEN}"),
        ("postgresql+psycopg://noteyard:pw@db/noteyard", f"postgresql+psycopg://noteyard:{HIDDEN}@db/noteyard"),
        ("/hub/oauth?code=abcdef&x=1", f"/hub/oauth?code={HIDDEN}&x=1"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_credentials_in_texts(text: str, shown: str) -> None:
    assert hide_in_text(text) == shown
