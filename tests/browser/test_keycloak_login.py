"""Logins by a real Keycloak in real Chromium: in, groups taken over, refusals in words, and out of everything."""

import json
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.keycloak import Keycloak
from tests.support.ports import free_port
from tests.support.product import Product
from tests.support.provider_login import (
    fill_in,
    groups_on_page,
    log_in_by_keycloak,
    log_out,
    login_settings,
    to_keycloak,
)
from tests.support.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
REFRESH_SECONDS = 3
# With its dot, which encrypted text can't have: three letters of it are found there by chance.
A_TOKEN = r"eyJ[A-Za-z0-9_-]{20,}\."
NOT_ALLOWED = "Keycloak knows you, but you may not use Noteyard. Needed is one of these groups: /analysts."


@pytest.fixture(scope="module")
def yard(keycloak: Keycloak, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """An installation whose people log in by Keycloak; the profile `large` is for the group sales."""
    state = tmp_path_factory.mktemp("yard")
    port = free_port()
    made = Product(state, port)
    profiles = [{"name": "default"}, {"name": "large", "title": "Large models", "groups": ["sales"]}]
    login = login_settings(keycloak, "one-machine", refresh_minutes=REFRESH_SECONDS / 60)
    settings = {"port": port, "log_level": "debug", "profiles": profiles, "login": login}
    (state / "noteyard.yaml").write_text(yaml.safe_dump(settings))
    (state / "secrets").mkdir(mode=0o700)
    (state / "secrets" / "login-client-secret").write_text(keycloak.client("one-machine", made.url))
    said = made.command("up", "--detach", seconds=400)
    assert "People log in with Keycloak. Administrators are who is in /noteyard-admins there." in said
    assert "password" not in said
    yield made
    made.command("down", seconds=200)


@pytest.fixture
def context(chrome: Browser) -> Iterator[BrowserContext]:
    made = chrome.new_context(viewport={"width": 1280, "height": 800})
    made.set_default_timeout(120_000)
    yield made
    made.close()


def refused(page: Page, *sentences: str) -> None:
    """The page says why, and that one is not logged in."""
    alert = page.get_by_role("alert")
    expect(page.get_by_role("heading", name="You are not logged in")).to_be_visible()
    for sentence in sentences:
        expect(alert).to_contain_text(sentence)


def refused_tries_again_as(page: Page, keycloak: Keycloak, name: str) -> None:
    page.get_by_role("link", name="Use another account of Keycloak").click()
    page.get_by_role("link", name="Log in again").click()
    page.get_by_role("link", name="Log in with Keycloak").click()
    page.wait_for_url(f"{keycloak.url}/**")
    fill_in(page, name)


def open_lab(page: Page, yard: Product, name: str) -> None:
    page.goto(f"{yard.url}/hub/spawn")
    page.wait_for_url(f"{yard.host(name)}/user/{name}/lab**", timeout=240_000)
    expect(page.locator(".jp-Launcher")).to_be_visible(timeout=120_000)


def test_a_person_logs_in_and_works_in_a_lab(yard: Product, keycloak: Keycloak, context: BrowserContext) -> None:
    page = log_in_by_keycloak(context, yard, "ada", "/portal/runs")
    expect(page).to_have_url(f"{yard.url}/portal/runs")
    assert set(groups_on_page(page, yard).split(", ")) >= {"analysts", "publishers"}
    expect(page.get_by_text("You log in with Keycloak; your password is changed there.")).to_be_visible()
    expect(page.locator("input[type=password]")).to_have_count(0)
    expect(page.get_by_role("link", name="People")).to_have_count(0)
    open_lab(page, yard, "ada")


def test_groups_changed_there_count_at_the_next_login(
    yard: Product, keycloak: Keycloak, context: BrowserContext
) -> None:
    keycloak.put_into("ada", "analysts")
    page = log_in_by_keycloak(context, yard, "ada")
    assert "sales" not in groups_on_page(page, yard)
    log_out(page, yard)
    keycloak.put_into("ada", "analysts", "sales", "noteyard-admins")
    page = log_in_by_keycloak(context, yard, "ada")
    assert {"analysts", "sales"} <= set(groups_on_page(page, yard).split(", "))
    offered = page.evaluate("fetch('/api/v1/profiles').then((answer) => answer.json())")
    assert [profile["name"] for profile in offered] == ["default", "large"]
    page.get_by_role("link", name="People").click()
    expect(page.get_by_role("heading", name="People")).to_be_visible()
    expect(page.get_by_text("People are added by themselves when they first log in with Keycloak.")).to_be_visible()
    keycloak.put_into("ada", "analysts")
    log_out(page, yard)
    page = log_in_by_keycloak(context, yard, "ada")
    assert "sales" not in groups_on_page(page, yard)
    expect(page.get_by_role("link", name="People")).to_have_count(0)


def test_groups_changed_there_count_without_a_login_before_long(
    yard: Product, keycloak: Keycloak, context: BrowserContext
) -> None:
    keycloak.put_into("bob", "analysts")
    page = log_in_by_keycloak(context, yard, "bob")
    assert "sales" not in groups_on_page(page, yard)
    keycloak.put_into("bob", "analysts", "sales")
    until(lambda: "sales" in groups_on_page(page, yard), 120, "the new group, by asking again")


def test_who_loses_the_group_is_out_before_long_and_told_why(
    yard: Product, keycloak: Keycloak, context: BrowserContext
) -> None:
    keycloak.put_into("bob", "analysts")
    page = log_in_by_keycloak(context, yard, "bob")
    keycloak.put_into("bob", "sales")

    def is_out() -> bool:
        page.goto(f"{yard.url}/portal/account")
        return "/hub/login" in page.url

    until(is_out, 120, "the end of the session")
    page.get_by_role("link", name="Log in with Keycloak").click()
    refused(page, NOT_ALLOWED, "Ask an administrator of Noteyard, and log in again afterwards.")
    keycloak.put_into("bob", "analysts")
    page.get_by_role("link", name="Log in again").click()
    page.get_by_role("link", name="Log in with Keycloak").click()
    expect(page.locator(".who")).to_contain_text("bob")


def test_a_person_without_the_group_is_refused_in_words(
    yard: Product, keycloak: Keycloak, context: BrowserContext
) -> None:
    page = context.new_page()
    to_keycloak(page, yard)
    fill_in(page, "eve")
    refused(page, NOT_ALLOWED)
    assert "eve" not in yard.command("user", "list")
    refused_tries_again_as(page, keycloak, "ada")
    expect(page.locator(".who")).to_contain_text("ada")


def test_somebody_disabled_here_stays_out_though_keycloak_knows_them(
    yard: Product, keycloak: Keycloak, context: BrowserContext
) -> None:
    keycloak.put_into("bob", "analysts")
    page = log_in_by_keycloak(context, yard, "bob")
    yard.command("user", "disable", "bob")

    def is_out() -> bool:
        # Until the hub has looked, it sends the browser back to the portal, which refuses it on a page of its own.
        page.goto(f"{yard.url}/portal/account")
        return "/hub/login" in page.url

    until(is_out, 120, "the hub to know of it")
    page.get_by_role("link", name="Log in with Keycloak").click()
    refused(page, "This account is disabled. Ask an administrator of Noteyard to enable it.")
    yard.command("user", "enable", "bob")

    def enabled() -> bool:
        page.goto(f"{yard.url}/portal/login")
        page.get_by_role("link", name="Log in with Keycloak").click()
        page.wait_for_load_state()
        return page.locator(".who").count() == 1

    until(enabled, 120, "the hub to forget what was before")


def test_logging_out_ends_noteyard_lab_hub_and_keycloak(
    yard: Product, keycloak: Keycloak, context: BrowserContext
) -> None:
    page = log_in_by_keycloak(context, yard, "ada")
    open_lab(page, yard, "ada")
    others = keycloak.sessions("ada") - 1  # of other browsers
    lab = context.new_page()
    log_out(page, yard)
    expect(page.get_by_text("In this browser nobody is logged in any more")).to_be_visible()
    assert keycloak.sessions("ada") == others
    for path in ("/portal/runs", "/hub/token"):
        page.goto(f"{yard.url}{path}")
        expect(page.get_by_role("link", name="Log in with Keycloak")).to_be_visible()

    def is_closed() -> bool:
        answer = lab.goto(f"{yard.host('ada')}/user/ada/api/contents")
        assert answer is not None
        return answer.status == 403

    until(is_closed, 120, "the lab's own login to end")
    page.goto(f"{yard.url}/portal/login")
    page.get_by_role("link", name="Log in with Keycloak").click()
    expect(page.locator("#password")).to_be_visible()


def test_logging_out_everywhere_ends_other_browsers_too(
    yard: Product, keycloak: Keycloak, chrome: Browser, context: BrowserContext
) -> None:
    with chrome.new_context() as elsewhere:
        elsewhere.set_default_timeout(120_000)
        other = log_in_by_keycloak(elsewhere, yard, "ada")
        page = log_in_by_keycloak(context, yard, "ada")
        # Not by the browser that has logged in last: each ends its own session at Keycloak, without being asked.
        other.goto(f"{yard.url}/portal/account")
        other.get_by_role("button", name="Log out everywhere").click()
        other.wait_for_url(f"{yard.url}/hub/logged-out**")
        page.goto(f"{yard.url}/portal/runs")
        expect(page.get_by_role("link", name="Log in with Keycloak")).to_be_visible()
        page.goto(f"{yard.url}/hub/token")
        expect(page.get_by_role("link", name="Log in with Keycloak")).to_be_visible()


def test_a_session_that_ends_at_keycloak_ends_here(yard: Product, keycloak: Keycloak, context: BrowserContext) -> None:
    page = log_in_by_keycloak(context, yard, "ada")
    keycloak.log_out("ada")

    def is_out() -> bool:
        page.goto(f"{yard.url}/portal/runs")
        return "/hub/login" in page.url

    until(is_out, 120, "the end of the session")


def test_the_administrator_s_pages_offer_nothing_that_is_keycloak_s(
    yard: Product, keycloak: Keycloak, context: BrowserContext
) -> None:
    log_in_by_keycloak(context, yard, "ada").close()
    context.clear_cookies()
    page = log_in_by_keycloak(context, yard, "grace")
    page.goto(f"{yard.url}/portal/people/ada")
    expect(page.get_by_text("Groups and administrators are those of Keycloak")).to_be_visible()
    expect(page.get_by_role("button", name="Disable")).to_be_visible()
    expect(page.get_by_role("button", name="New password")).to_have_count(0)
    expect(page.get_by_role("button", name="Save")).to_have_count(0)
    page.goto(f"{yard.url}/portal/people")
    page.fill("input[name=name]", "hedy")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text("Added. They log in with Keycloak.")).to_be_visible()
    expect(page.locator("dt:text-is('Login') + dd")).to_have_text("not yet")


def test_commands_say_that_passwords_and_groups_are_keycloak_s(yard: Product, keycloak: Keycloak) -> None:
    assert "People log in with Keycloak here. Passwords are set and changed there." in yard.command(
        "user", "password", "ada", "--password-stdin", stdin="x", code=1
    )
    assert "Groups are those of Keycloak here, taken over at each login." in yard.command(
        "user", "groups", "ada", "sales", code=1
    )
    said = yard.command("user", "add", "joan")
    assert said.splitlines() == ["Added joan.", "They log in with Keycloak, if a rule of the settings allows them."]


def test_what_was_given_is_kept_encrypted_and_in_no_log(
    yard: Product, keycloak: Keycloak, context: BrowserContext
) -> None:
    log_in_by_keycloak(context, yard, "ada")
    with sqlite3.connect(yard.state / "db" / "hub.sqlite", timeout=30) as connection:
        (kept,) = connection.execute("SELECT encrypted_auth_state FROM users WHERE name = 'ada'").fetchone()
    assert kept and not re.search(A_TOKEN.encode(), bytes(kept)) and b"refresh_token" not in bytes(kept)
    secret = (yard.state / "secrets" / "login-client-secret").read_text()
    for log in sorted((yard.state / "logs").rglob("*.log")):
        text = log.read_text(errors="replace")
        assert secret not in text, log
        assert not re.search(A_TOKEN, text), log


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_the_login_are_accessible(
    yard: Product, keycloak: Keycloak, chrome: Browser, scheme: str, tmp_path: Path
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    with chrome.new_context(color_scheme=scheme, viewport={"width": 390, "height": 800}) as context:  # type: ignore[arg-type]
        context.set_default_timeout(120_000)
        page = context.new_page()
        page.goto(f"{yard.url}/hub/login")
        pages = ["login", "refused", "logged out"]
        for name in pages:
            if name == "refused":
                to_keycloak(page, yard)
                fill_in(page, "eve")
                refused(page)
            if name == "logged out":
                page.get_by_role("link", name="Use another account of Keycloak").click()
                page.wait_for_url("**/hub/logged-out**")
            page.screenshot(path=tmp_path / f"{name}.png")
            found = Axe().run(page).response["violations"]
            assert not found, json.dumps([(rule["id"], [n["html"] for n in rule["nodes"]]) for rule in found])
