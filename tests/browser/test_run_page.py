"""A run's page in real Chromium: how it stays in touch with a run that goes on."""

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.browser.test_portal_pages import run_of
from tests.support.product import Product, log_in

WAIT = """import time
from pathlib import Path
print("waiting for the gate", flush=True)
while not Path(gate).exists():
    time.sleep(0.05)
print("the gate is open")"""
CONNECTIONS = 6
"""How many a browser makes to one host by plain HTTP."""


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "gate"


@pytest.fixture
def run(running: Product, gate: Path) -> Iterator[str]:
    """A run that goes on until there is its gate."""
    path = running.write("gated.ipynb", WAIT, parameters="gate: str")
    run = run_of(running, "ada", path, "-p", f"gate={gate}")
    yield run
    gate.touch()
    running.ended("ada", run)


def follow(page: Page, running: Product, run: str) -> None:
    page.goto(f"{running.url}/portal/runs/{run}")
    expect(page.locator("#log")).to_contain_text("waiting for the gate", timeout=60_000)


def expect_its_end(page: Page, gate: Path) -> None:
    """Lets the run end: the page shows that, and all of the log once."""
    gate.touch()
    expect(page.get_by_role("heading", name=re.compile("succeeded"))).to_be_visible(timeout=60_000)
    expect(page.locator("#log")).to_have_text("waiting for the gate\nthe gate is open\n")


def show(page: Page, *, hidden: bool) -> None:
    """What a browser does with a tab; a headless one shows all of them."""
    page.evaluate(
        "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')); }",
        hidden,
    )


def test_the_page_goes_on_after_an_answer_of_the_edge_while_the_api_is_away(
    running: Product, context: BrowserContext, run: str, gate: Path
) -> None:
    page = log_in(context, running, "ada")
    follow(page, running, run)
    answers: list[int] = []

    def answer(route: Route) -> None:
        answers.append(502)
        if len(answers) < 3:
            route.fulfill(status=502, body="Bad Gateway")
        else:
            route.continue_()

    page.route("**/events*", answer)
    pid = json.loads((running.state / "run" / "parts" / "api.process").read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    status = page.locator("#log-status")
    expect(status).to_have_text("The connection is interrupted; trying again.")
    expect(status).to_have_text("live", timeout=60_000)
    assert len(answers) >= 3
    expect_its_end(page, gate)


def test_the_page_leads_to_the_login_when_the_session_has_ended(
    running: Product, context: BrowserContext, run: str
) -> None:
    page = log_in(context, running, "ada")
    follow(page, running, run)
    other = context.new_page()
    other.goto(running.url)
    other.get_by_role("button", name="Log out").click()
    expect(page.locator("#username")).to_be_visible(timeout=60_000)


def test_pages_that_nobody_looks_at_take_no_connection_from_others(
    running: Product, context: BrowserContext, run: str, gate: Path
) -> None:
    first = log_in(context, running, "ada")
    follow(first, running, run)
    for _ in range(CONNECTIONS):
        show(context.pages[-1], hidden=True)
        follow(context.new_page(), running, run)
    gate.touch()
    expect_its_end(context.pages[-1], gate)
    expect(first.get_by_role("heading", name=re.compile("running"))).to_be_visible()
    show(first, hidden=False)
    expect_its_end(first, gate)
