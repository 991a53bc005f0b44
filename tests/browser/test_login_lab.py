"""Login and lab in real Chromium, and what a script in a lab can reach as the person who looks: nothing of others."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.lab_attack import ATTACK, tokens
from tests.support.product import PASSWORD, Product, log_in
from tests.support.readme import commands
from tests.support.waiting import until

FIRST_STEPS = [line for line in commands() if line.startswith(("cd ", "yard "))]


@pytest.fixture(scope="module")
def people(running: Product) -> Iterator[tuple[str, str]]:
    yield running.add("lea"), running.add("max")


@pytest.fixture
def page(chrome: Browser) -> Iterator[Page]:
    """A browser of its own for each test."""
    context = chrome.new_context(viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


def open_lab(context: BrowserContext, product: Product, name: str) -> Page:
    """The person's lab, started when it is off."""
    page = log_in(context, product, name)
    page.goto(f"{product.url}/hub/spawn")
    page.wait_for_url(f"{product.host(name)}/user/{name}/lab**", timeout=90_000)
    # Without what was open in the tests before:
    page.goto(f"{product.host(name)}/user/{name}/lab?reset")
    expect(page.locator(".jp-Launcher")).to_be_visible(timeout=60_000)
    return page


def run_cell(page: Page, code: str) -> None:
    """A new notebook from the launcher, with one cell that is run."""
    page.locator(".jp-LauncherCard[data-category='Notebook']").first.click()
    expect(page.locator(".jp-Notebook")).to_be_visible(timeout=30_000)
    expect(page.locator(".jp-Notebook-ExecutionIndicator[data-status='idle']")).to_be_visible(timeout=60_000)
    # The session says "idle" before the page is connected; a cell run in between is forgotten. The debugger's button
    # waits for the kernel's own answer.
    expect(page.locator(".jp-DebuggerBugButton:not([aria-disabled='true'])")).to_be_visible(timeout=60_000)
    cell = page.locator(".jp-Notebook .jp-Cell .cm-content").first
    cell.click()
    page.keyboard.type(code)
    expect(cell).to_contain_text(code.splitlines()[-1])
    page.keyboard.press("Shift+Enter")


def test_a_person_logs_in_and_works_in_a_lab_of_their_own(
    running: Product, people: tuple[str, str], page: Page
) -> None:
    page = open_lab(page.context, running, "lea")
    expect(page.locator(".jp-DirListing-item", has_text="example")).to_be_visible()
    expect(page.locator(".jp-DirListing-item", has_text="s3")).to_be_visible()
    run_cell(page, "import pandas\nprint('rows', len(pandas.DataFrame({'a': range(7)})))")
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("rows 7", timeout=60_000)


@pytest.mark.slow
def test_the_first_ten_minutes_of_the_readme_in_a_terminal(
    running: Product, people: tuple[str, str], page: Page
) -> None:
    page = open_lab(page.context, running, "lea")
    page.locator(".jp-LauncherCard[title*='terminal']").click()
    terminal = page.locator(".jp-Terminal .xterm-helper-textarea")
    expect(terminal).to_be_focused(timeout=30_000)
    said = running.state / "homes" / "lea" / "said"
    for number, line in enumerate(FIRST_STEPS):
        page.keyboard.type(f"{line}; echo {number} $? >> ~/said\n")
        until(lambda: said.exists() and len(said.read_text().splitlines()) > number, 120, line)  # noqa: B023
    assert said.read_text().splitlines() == [f"{number} 0" for number in range(len(FIRST_STEPS))]
    with running.client("lea") as client:
        runs = client.get("/runs").raise_for_status().json()["items"]
        (schedule,) = client.get("/schedules").raise_for_status().json()["items"]
    assert [(run["notebook"], run["state"]) for run in reversed(runs)] == [
        (f"{name}.ipynb", "succeeded") for name in ("collect", "preprocess", "train")
    ]
    assert runs[-1]["parameters"] == {"day": "2026-11-22"}
    assert (schedule["cron"], schedule["timezone"]) == ("0 6 * * *", "Europe/Berlin")
    running.dashboard("lea", "weather", "ready")


def test_the_page_hears_what_the_lab_has_to_tell(running: Product, people: tuple[str, str], page: Page) -> None:
    page = open_lab(page.context, running, "lea")
    # It asks every ten seconds.
    with page.expect_response(lambda answer: answer.url.endswith("/noteyard/notices"), timeout=30_000) as answered:
        pass
    assert (answered.value.status, answered.value.json()) == (200, {"notices": {}})


def test_data_is_at_hand_by_folder_and_by_address(running: Product, people: tuple[str, str], page: Page) -> None:
    page = open_lab(page.context, running, "lea")
    run_cell(
        page,
        "import os, pandas\n"
        "pandas.DataFrame({'a': [1, 2]}).to_csv(os.environ['NOTEYARD_MY_URL'] + '/numbers.csv', index=False)\n"
        "print(open('s3/me/numbers.csv').read().split())",
    )
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("['a', '1', '2']", timeout=90_000)


def test_yard_needs_no_set_up_in_a_lab(running: Product, people: tuple[str, str], page: Page) -> None:
    page = open_lab(page.context, running, "lea")
    run_cell(page, "!yard runs --json && echo works")
    expect(page.locator(".jp-OutputArea-output").first).to_contain_text("works", timeout=60_000)


def test_home_follows_a_lab_that_stops(running: Product, people: tuple[str, str], page: Page) -> None:
    page = open_lab(page.context, running, "lea")
    page.goto(f"{running.url}/")
    card = page.locator("section[aria-labelledby='lab']")
    expect(card).to_contain_text("Your lab is running since")
    page.once("dialog", lambda dialog: dialog.accept())
    card.get_by_role("button", name="Stop it").click()
    expect(page.get_by_text("Your lab is stopping.")).to_be_visible()
    expect(card).to_contain_text("Your lab is off.", timeout=30_000)
    expect(card.get_by_role("link", name="Start my lab")).to_be_visible()


def test_a_script_in_a_lab_reaches_nothing_else_as_the_viewer(
    running: Product, people: tuple[str, str], page: Page
) -> None:
    other = open_lab(page.context, running, "max")
    other.goto(f"{running.url}/hub/logout")
    lab = open_lab(page.context, running, "lea")
    before = tokens(lab.context, running.url)
    loot = lab.evaluate(
        ATTACK,
        {
            "hub": ["GET", f"{running.url}/hub/api/user"],
            "token page": ["GET", f"{running.url}/hub/token"],
            "new token": ["POST", f"{running.url}/hub/api/users/lea/tokens"],
            "portal": ["GET", f"{running.url}/"],
            "api": ["GET", f"{running.url}/api/v1/runs"],
            "api change": ["POST", f"{running.url}/api/v1/runs"],
            "another lab": ["GET", f"{running.host('max')}/user/max/api/contents"],
            "hub on the lab's host": ["GET", "/hub/api/user"],
            "internal": ["GET", "/internal/v1/edge"],
        },
    )
    cookies = loot.pop("cookies")
    assert set(loot.values()) == {"refused"}, loot
    assert "hub-login" not in cookies
    assert "noteyard-session" not in cookies
    assert tokens(lab.context, running.url) == before


def test_a_page_may_not_be_framed_or_opened_for_reading(running: Product, people: tuple[str, str], page: Page) -> None:
    lab = open_lab(page.context, running, "lea")
    script = """(url) => new Promise((done) => {
      const frame = document.body.appendChild(document.createElement("iframe"));
      frame.onload = () => {
        try { done(String(frame.contentWindow.document.body.innerText)); } catch (error) { done("refused"); }
      };
      frame.src = url;
    })"""
    assert lab.evaluate(script, f"{running.url}/hub/token") == "refused"


def test_a_wrong_password_is_said_and_the_name_is_kept(running: Product, people: tuple[str, str], page: Page) -> None:
    page.goto(running.url)
    page.fill("#username", "max")
    page.fill("#password", "not the password")
    page.press("#password", "Enter")
    expect(page.get_by_role("alert")).to_contain_text("The name or the password is not right.")
    expect(page.locator("#username")).to_have_value("max")
    expect(page.locator("#password")).to_be_focused()
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url(f"{running.url}/**")
    expect(page.get_by_role("link", name="Noteyard")).to_be_visible()


def test_a_token_is_made_shown_once_and_ended(running: Product, people: tuple[str, str], page: Page) -> None:
    page = log_in(page.context, running, "max")
    page.goto(f"{running.url}/hub/token")
    page.fill("#note", "a laptop")
    page.get_by_text("See only").click()
    page.get_by_role("button", name="Make the token").click()
    expect(page.locator("#made")).to_be_visible()
    token = page.locator("#token").inner_text()
    assert len(token) >= 32
    page.reload()
    assert token not in page.content()
    row = page.locator("tr", has_text="a laptop")
    expect(row).to_be_visible()
    row.get_by_role("button", name="End").click()
    expect(row).to_have_count(0)


def test_hub_pages_are_accessible_and_in_both_colours(
    running: Product, people: tuple[str, str], chrome: Browser, tmp_path: Path
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for scheme in ("light", "dark"):
        context = chrome.new_context(color_scheme=scheme)  # type: ignore[arg-type]
        page = context.new_page()
        for address in ("/hub/login", "/hub/token", "/hub/nothing"):
            if address == "/hub/token":
                log_in(context, running, "max").close()
            page.goto(f"{running.url}{address}")
            found = Axe().run(page).response["violations"]
            assert not found, json.dumps([(rule["id"], [n["html"] for n in rule["nodes"]]) for rule in found])
        context.close()


def test_the_pages_wait_out_a_restart_of_the_hub(running: Product, people: tuple[str, str], page: Page) -> None:
    import os
    import signal

    page.goto(f"{running.url}/hub/login")
    pid = json.loads((running.state / "run" / "parts" / "hub.process").read_text())["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: page.goto(f"{running.url}/hub/login").status == 502, 10, "the hub's absence")  # type: ignore[union-attr]
    expect(page.get_by_role("heading", name="Just a moment")).to_be_visible()
    expect(page.locator("#username")).to_be_visible(timeout=60_000)
