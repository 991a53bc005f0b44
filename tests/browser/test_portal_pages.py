"""The portal in real Chromium: a run as it goes, a long log, forms, and every page for those who see or move little."""

import json
import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.support.product import PASSWORD, Product, log_in
from tests.support.waiting import until

PARAMETERS = """from datetime import date
from typing import Annotated, Literal
day: date = date(2026, 11, 22)  # Day to report on
station: Literal["Kassel", "Trier"] = "Kassel"
n: Annotated[int, "Ge(1)"] = 2
draft: bool = False
names: list[str] = ["a", "b"]"""
SLOW = """import time
for number in range(30):
    print("step", number, flush=True)
    time.sleep(0.2)"""
COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules of axe that look at colours."""
LONG = "print('\\n'.join(f'line {number} of the log' for number in range(lines)))"


def enter(context: BrowserContext, running: Product, name: str) -> Page:
    """The home page of a person; a first password is changed into itself on the way."""
    page = log_in(context, running, name)
    if "/portal/account?" in page.url:
        page.get_by_label("Present password").fill(PASSWORD)
        page.get_by_label("New password", exact=True).fill(PASSWORD)
        page.get_by_label("New password again").fill(PASSWORD)
        page.get_by_role("button", name="Change it").click()
        expect(page.get_by_text("Your password is changed.")).to_be_visible()
        page.goto(running.url)
    return page


def run_of(running: Product, name: str, path: Any, *words: str) -> str:
    found = re.search(r"\br[0-9a-z]{15}\b", running.yard(name, "run", str(path), *words))
    assert found
    return found.group()


def test_a_run_is_followed_from_upload_to_output(running: Product, context: BrowserContext) -> None:
    page = enter(context, running, "ada")
    path = running.write("followed.ipynb", SLOW, "print('done on', day, station, names)", parameters=PARAMETERS)
    page.get_by_role("link", name="Run a notebook").click()
    page.get_by_label("Notebook", exact=True).set_input_files(path)
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(re.compile(r"\?release="))
    page.get_by_label("day", exact=False).first.fill("2026-01-31")
    page.get_by_label("station").select_option("Trier")
    page.get_by_label("names").fill("x\ny")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#log")).to_contain_text("step 3", timeout=60_000)
    expect(page.locator(".cells i.busy")).to_have_count(1)
    expect(page.get_by_role("heading", name=re.compile("running"))).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("succeeded"))).to_be_visible(timeout=60_000)
    expect(page.locator("#log")).to_contain_text("done on 2026-01-31 Trier ['x', 'y']")
    expect(page.frame_locator("iframe.output").get_by_text("done on 2026-01-31 Trier")).to_be_visible()
    expect(page.locator("iframe.output")).to_have_attribute(
        "src", re.compile("^" + re.escape(running.host("outputs.apps")))
    )


def test_a_failed_run_shows_the_cell_and_what_went_wrong(running: Product, context: BrowserContext) -> None:
    path = running.write("failing.ipynb", "print('fine')", "raise ValueError('no data for today')")
    run = run_of(running, "ada", path)
    running.ended("ada", run)
    page = enter(context, running, "ada")
    page.goto(f"{running.url}/portal/runs/{run}")
    expect(page.get_by_role("heading", name=re.compile(r"Cell \d: ValueError"))).to_be_visible()
    expect(page.get_by_text("no data for today").first).to_be_visible()
    expect(page.locator(".cells i.bad")).to_have_count(1)
    trace = page.locator("pre.trace")
    expect(trace).to_be_hidden()
    page.get_by_text("Traceback", exact=True).first.click()
    expect(trace).to_be_visible()
    expect(page.locator("iframe.output")).to_have_attribute("src", re.compile(r"#cell-\d+$"))


def test_a_log_of_200_000_lines_leaves_the_page_quick(running: Product, context: BrowserContext) -> None:
    path = running.write("long.ipynb", LONG, parameters="lines: int = 200000")
    run = run_of(running, "ada", path)
    running.ended("ada", run)
    page = enter(context, running, "ada")
    page.goto(f"{running.url}/portal/runs/{run}")
    expect(page.locator("#log")).to_contain_text("line 199999 of the log", timeout=30_000)
    kept = page.evaluate("document.getElementById('log').textContent.split('\\n').length")
    assert kept < 5_000
    expect(page.locator("#log-status")).to_contain_text("earlier ones are in the whole log")


def test_a_schedule_is_set_with_its_due_times_in_view(running: Product, context: BrowserContext) -> None:
    path = running.write("nightly.ipynb", "print(day)", parameters=PARAMETERS)
    running.ended("ada", run_of(running, "ada", path))
    page = enter(context, running, "ada")
    page.goto(f"{running.url}/portal/schedules/new")
    page.get_by_role("link", name="nightly.ipynb").first.click()
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")
    page.get_by_label("Rule").fill("30 7 * * *")
    upcoming = page.locator("#upcoming tbody tr")
    expect(upcoming).to_have_count(5)
    expect(upcoming.first).to_contain_text(re.compile(r"07:30 CES?T.*0[56]:30 UTC"))
    page.get_by_label("Rule").fill("99 7 * * *")
    expect(page.locator("#upcoming [role=alert]")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("Every morning")
    page.get_by_label("day", exact=False).first.fill("{{ dew | date }}")
    page.get_by_label("Rule").fill("30 7 * * *")
    page.get_by_role("button", name="Set the schedule").click()
    expect(page.locator("#p-day-error")).to_contain_text("dew")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Every morning")
    page.locator("#p-day").fill("{{ due | date }}")
    page.get_by_role("button", name="Set the schedule").click()
    expect(page.get_by_text("The schedule is set.")).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused by ada.")).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The schedule is deleted; its runs are kept.")).to_be_visible()


def test_a_dashboard_is_published_managed_and_taken_down(running: Product, context: BrowserContext) -> None:
    path = running.write("board.ipynb", "print('board', n)", parameters=PARAMETERS)
    running.ended("ada", run_of(running, "ada", path))
    page = enter(context, running, "ada")
    page.goto(f"{running.url}/portal/publish")
    page.get_by_role("link", name="board.ipynb").first.click()
    page.get_by_label("Title").fill("Board of ada")
    expect(page.get_by_label("Name in its link")).to_have_value("board-of-ada")
    page.get_by_label("Everyone who can log in").check()
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_text("shown", exact=True)).to_be_visible(timeout=90_000)
    page.goto(f"{running.url}/portal/dashboards")
    expect(page.get_by_role("heading", name="Board of ada")).to_be_visible()
    page.goto(f"{running.url}/portal/dashboards/board-of-ada")
    page.get_by_label("Type board-of-ada to confirm").fill("board-of-ada")
    page.get_by_role("button", name="Take down").click()
    expect(page.get_by_text("The dashboard is taken down")).to_be_visible()


def test_an_administrator_purges_what_a_removed_person_left(running: Product, context: BrowserContext) -> None:
    running.add("una")
    path = running.write("left.ipynb", "print('left', n)", parameters=PARAMETERS)
    running.publish("una", path, "left-behind", "--audience", "public")
    run = run_of(running, "una", path)
    running.ended("una", run)
    home = running.state / "homes" / "una"
    home.mkdir(mode=0o700, parents=True)
    (home / "notes.txt").write_text("mine")
    page = enter(context, running, "root")
    page.goto(f"{running.url}/portal/people/una")
    expect(page.get_by_role("heading", name="Purge")).to_have_count(0)
    page.get_by_label("Type una to confirm").fill("una")
    page.get_by_role("button", name="Remove").click()
    lost = page.get_by_role("region", name="Purge").get_by_role("listitem")
    expect(lost).to_contain_text(["1 file in their own folder", "1 run with", "1 dashboard", "1 release"])
    page.get_by_label("Type una to confirm").fill("una")
    page.get_by_role("button", name="Purge").click()
    expect(page.get_by_role("status")).to_contain_text("The purge has begun.")

    def purged() -> bool:
        page.goto(f"{running.url}/portal/people/una")
        return page.get_by_text("What una left behind was deleted").is_visible()

    until(purged, 60, "the end of the purge")
    assert not home.exists()
    assert not (running.state / "objects" / "runs" / run).exists()
    with running.client("root") as client:
        assert client.get(f"/runs/{run}").status_code == 404
        assert client.get("/dashboards/left-behind").status_code == 404


@pytest.fixture(scope="module")
def things(running: Product, chrome: Browser) -> dict[str, str]:
    """Something on every page: a run, a release, a schedule with an alert that does not arrive, a dashboard."""
    path = running.write("things.ipynb", "print(n)", "1 / 0", parameters=PARAMETERS)
    run = run_of(running, "root", path)
    model = running.ended("root", run)
    with running.client("root") as client:
        plan = {"name": "Things", "release": model["release"], "cron": "0 6 * * *", "timezone": "Europe/Berlin"}
        alerts = {"webhooks": ["http://hooks.invalid/secret"]}
        schedule = client.post("/schedules", json={**plan, "alerts": alerts}).raise_for_status().json()["id"]
        client.post(f"/schedules/{schedule}/run").raise_for_status()
        until(lambda: client.get(f"/schedules/{schedule}").json()["undelivered"], 60, "an alert that did not arrive")
        board = {"release": model["release"], "slug": "things", "title": "Things"}
        client.post("/dashboards", json=board).raise_for_status()
    return {"run": run, "release": model["release"], "schedule": schedule}


def test_a_links_name_follows_a_title_that_was_written_before_the_pages_script_came(
    running: Product, things: dict[str, str], context: BrowserContext
) -> None:
    page = enter(context, running, "root")

    def come_late(route: Route) -> None:
        page.get_by_label("Title").fill("Sales in the north")
        route.continue_()

    page.route("**/static/publish.js", come_late)
    page.goto(f"{running.url}/portal/publish?release={things['release']}")
    slug = page.get_by_label("Name in its link")
    expect(slug).to_have_value("sales-in-the-north")
    page.get_by_label("Title").fill("Cafés à Zürich")
    expect(slug).to_have_value("cafes-a-zurich")
    slug.fill("north")
    page.get_by_label("Title").fill("Sales of today")
    expect(slug).to_have_value("north")


def test_every_page_is_accessible_in_both_colours_and_fits_a_narrow_window(
    running: Product, things: dict[str, str], chrome: Browser
) -> None:
    context = chrome.new_context(viewport={"width": 390, "height": 800}, color_scheme="light")
    page = enter(context, running, "root")
    release = things["release"]
    paths = [
        "/",
        "/portal/runs",
        f"/portal/runs/{things['run']}",
        "/portal/runs/new",
        f"/portal/runs/new?release={release}",
        "/portal/schedules",
        f"/portal/schedules/{things['schedule']}",
        f"/portal/schedules/{things['schedule']}/edit",
        "/portal/dashboards",
        f"/portal/publish?release={release}",
        "/portal/dashboards/things",
        f"/portal/dashboards/things/publish?release={release}",
        "/portal/people",
        "/portal/people/ada",
        "/portal/audit",
        "/portal/usage",
        "/portal/account",
        "/portal/nothing",
    ]
    found: dict[str, Any] = {}
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if "Content Security" in said.text else None)
    for path in paths:
        page.goto(running.url + path)
        page.emulate_media(color_scheme="light")
        violations = Axe().run(page).response["violations"]
        page.emulate_media(color_scheme="dark")
        violations += Axe().run(page, options={"runOnly": COLOURS}).response["violations"]
        wide = page.evaluate("document.documentElement.scrollWidth") > 390
        if violations or wide:
            found[path] = ["too wide"] * wide + [
                (item["id"], [node["html"][:160] for node in item["nodes"]][:3]) for item in violations
            ]
    context.close()
    assert not found, json.dumps(found, indent=1)
    assert not errors
