"""A newcomer's way through the portal in Chromium: the first login, runs that are followed and ended, a schedule."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.product import PASSWORD, Product, log_in
from tests.support.waiting import until

OWN = "staple battery horse"
"""The password that the first administrator chooses."""
PARAMETERS = """from typing import Annotated, Literal
from annotated_types import Ge
gate: str  # the file that is waited for
copies: Annotated[int, Ge(1)] = 2  # how many
colour: Literal["red", "blue"] = "red\""""
WAIT = """import time
from pathlib import Path
print("waiting for", copies, colour, flush=True)
while not Path(gate).exists():
    time.sleep(0.05)"""
END = "print('over:', copies * colour)"


@pytest.fixture(scope="module")
def browser_context(chrome: Browser) -> Iterator[BrowserContext]:
    """One browser for the whole way."""
    made = chrome.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", timezone_id="Europe/Berlin")
    made.set_default_timeout(30_000)
    yield made
    made.close()


@pytest.fixture(scope="module")
def page(running: Product, browser_context: BrowserContext) -> Page:
    """The first administrator's page, after the first login and the password that it asks for."""
    page = browser_context.new_page()
    log_in_by_hand(page, running, first_password(running))
    expect(page.get_by_text("Please choose a password of your own before you go on.")).to_be_visible()
    page.goto(f"{running.url}/portal/runs")
    change(page, "not the present one", OWN)
    expect(page.get_by_label("Present password")).to_have_attribute("aria-invalid", "true")
    change(page, first_password(running), OWN)
    expect(page.get_by_role("status")).to_contain_text("Your password is changed.")
    return page


@pytest.fixture(scope="module")
def notebook(running: Product) -> Path:
    return running.write("gate.ipynb", WAIT, END, parameters=PARAMETERS)


def first_password(product: Product) -> str:
    found = re.search(r"Log in as\s+admin\s+password\s+(\S+)", product.said)
    assert found, product.said
    return found[1]


def log_in_by_hand(page: Page, product: Product, password: str) -> None:
    """From the printed address, through the hub's own page."""
    page.goto(product.url)
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def change(page: Page, old: str, new: str) -> None:
    page.get_by_label("Present password").fill(old)
    page.get_by_label("New password", exact=True).fill(new)
    page.get_by_label("New password again").fill(new)
    page.get_by_role("button", name="Change it").click()


def upload(page: Page, product: Product, notebook: Path) -> None:
    """To the form of a run, by a notebook from this computer."""
    page.goto(f"{product.url}/portal/runs/new")
    page.get_by_label("Notebook", exact=True).set_input_files(notebook)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="Run gate.ipynb")).to_be_visible()


def headline(page: Page, state: str) -> Any:
    return page.get_by_role("heading", level=1, name=re.compile(rf"gate\.ipynb\s+{state}"))


def test_the_new_password_is_the_one_that_counts(running: Product, page: Page, context: BrowserContext) -> None:
    other = context.new_page()
    log_in_by_hand(other, running, first_password(running))
    expect(other.get_by_role("alert")).to_contain_text("The name or the password is not right.")
    log_in_by_hand(other, running, OWN)
    expect(other.get_by_role("heading", name="Hello, admin")).to_be_visible(timeout=15_000)


def test_a_new_password_logs_other_browsers_out_and_not_the_one_that_chose_it(
    running: Product, chrome: Browser, context: BrowserContext
) -> None:
    running.add("pia")
    other = chrome.new_context()
    pages = {"here": log_in(context, running, "pia"), "there": log_in(other, running, "pia")}
    pages["here"].goto(f"{running.url}/portal/account")
    change(pages["here"], PASSWORD, PASSWORD)
    expect(pages["here"].get_by_role("status")).to_contain_text("Your other browsers are logged out.")
    pages["here"].goto(f"{running.url}/hub/token")
    expect(pages["here"].get_by_role("heading", name=re.compile("token", re.IGNORECASE)).first).to_be_visible()
    for path in ("/hub/token", "/"):
        pages["there"].goto(f"{running.url}{path}")
        expect(pages["there"].get_by_role("button", name="Log in")).to_be_visible()
    other.close()


def test_a_first_password_is_changed_on_the_way_to_the_lab(running: Product, chrome: Browser) -> None:
    running.command("user", "add", "nina", "--password-stdin", stdin="the first one 1\n")
    page = chrome.new_page()
    page.goto(f"{running.url}/hub/spawn")
    page.get_by_label("Name").fill("nina")
    page.get_by_label("Password").fill("the first one 1")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("Please choose a password of your own before you go on.")).to_be_visible()
    change(page, "the first one 1", PASSWORD)
    page.wait_for_url(f"{running.host('nina')}/user/nina/lab**", timeout=90_000)
    page.close()


def test_values_that_can_not_be_used_are_said_together(running: Product, page: Page, notebook: Path) -> None:
    upload(page, running, notebook)
    # The browser's own checks are set aside: the server must not rely on them.
    page.evaluate("document.querySelectorAll('form').forEach(form => { form.noValidate = true; })")
    page.get_by_label("copies").fill("0")
    page.get_by_label("gate").fill("")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("copies")
    expect(page.get_by_label("copies")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("copies")).to_have_value("0")


def test_a_run_from_the_form_is_followed_live_to_its_end(
    running: Product, page: Page, notebook: Path, tmp_path: Path
) -> None:
    upload(page, running, notebook)
    page.get_by_label("gate").fill(str(tmp_path / "open"))
    page.get_by_label("copies").fill("3")
    page.get_by_label("colour").select_option("blue")
    page.get_by_role("button", name="Run", exact=True).click()
    page.evaluate("window.sameDocument = true")
    expect(page.get_by_role("log")).to_contain_text("waiting for 3 blue", timeout=60_000)
    expect(headline(page, "running")).to_be_visible()
    expect(page.get_by_text(re.compile(r"^Cell \d of \d$"))).to_be_visible()
    (tmp_path / "open").touch()
    expect(headline(page, "succeeded")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("log")).to_contain_text("over: blueblueblue")
    expect(page.frame_locator("iframe.output").get_by_text("over: blueblueblue")).to_be_visible()
    assert page.evaluate("window.sameDocument"), "nothing had to be loaded again"


def test_a_run_is_cancelled_and_keeps_what_it_has(running: Product, page: Page, notebook: Path, tmp_path: Path) -> None:
    page.goto(f"{running.url}/portal/runs")
    page.get_by_role("link", name="gate.ipynb").first.click()
    page.get_by_role("link", name="Run with other values").click()
    expect(page.get_by_label("copies")).to_have_value("3")
    page.get_by_label("gate").fill(str(tmp_path / "never"))
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("log")).to_contain_text("waiting for 3 blue", timeout=60_000)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Cancel").click()
    expect(headline(page, "cancelled")).to_be_visible(timeout=60_000)
    expect(page.frame_locator("iframe.output").get_by_text("waiting for 3 blue")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)


def test_a_schedule_is_made_with_its_due_times_in_view(running: Product, page: Page, notebook: Path) -> None:
    upload(page, running, notebook)
    release = page.locator("input[name=release]").first.input_value()
    page.goto(f"{running.url}/portal/schedules/new?release={release}")
    page.get_by_label("Name", exact=True).fill("Every morning")
    page.get_by_label("Time zone", exact=True).fill("Europe/Lisbon")
    page.get_by_label("Rule").fill("70 6 * * *")
    upcoming = page.locator("#upcoming")
    expect(upcoming.get_by_role("alert")).to_contain_text("70")
    page.get_by_label("Rule").fill("0 6 * * *")
    expect(upcoming.get_by_role("row")).to_have_count(6)
    expect(upcoming.get_by_role("columnheader").first).to_have_text("Europe/Lisbon")
    expect(upcoming.get_by_role("cell").first).to_contain_text("06:00")
    page.get_by_label("gate").fill("/tmp/{{ due | date }}")
    page.get_by_role("button", name="Set the schedule").click()
    expect(page.get_by_role("heading", level=1, name=re.compile("Every morning"))).to_be_visible()
    expect(page.get_by_text("{{ due | date }}")).to_be_visible()
    expect(page.get_by_text("It has not been due yet.")).to_be_visible()


def test_logging_out_ends_the_session(running: Product, page: Page) -> None:
    page.goto(running.url)
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.goto(f"{running.url}/portal/runs")
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    until(lambda: "/hub/login" in page.url, 10, "the login page")
