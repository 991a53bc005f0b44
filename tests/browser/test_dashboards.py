"""Dashboards in real Chromium: as a colleague, as the public, who may not, origins, sleep and wake, versions."""

import re

import httpx
import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.support.product import Product, log_in
from tests.support.waiting import until

WIDGET = """import ipywidgets as w
slider = w.IntSlider(value=3, min=0, max=10, description="n")
label = w.Label(value="square 9")
slider.observe(lambda change: setattr(label, "value", f"square {change['new'] ** 2}"), "value")
w.VBox([slider, label])"""
ATTACK = """from IPython.display import HTML
HTML('''<pre id="loot">waiting</pre><script>
(async () => {
  const tries = {};
  for (const [name, url] of Object.entries(%s)) {
    try { tries[name] = (await fetch(url, {credentials: "include"})).status; }
    catch (error) { tries[name] = "refused"; }
  }
  tries.cookie = document.cookie;
  document.getElementById("loot").textContent = "done " + JSON.stringify(tries);
})();
</script>''')"""

DATA = """import os, boto3
team = os.environ["NOTEYARD_TEAM_URL"].removeprefix("s3://")
print(boto3.client("s3").get_object(Bucket=team, Key="shown.txt")["Body"].read().decode())"""


@pytest.fixture(scope="module")
def square(running: Product) -> str:
    path = running.write("square.ipynb", "print('first', n)", WIDGET, parameters="n: int = 1")
    running.publish("ada", path, "square", "--audience", "groups", "--group", "sales")
    return "square"


def live(page: Page) -> Page:
    """The page once the live session has taken over."""
    expect(page.locator("#state")).to_have_text("Live", timeout=60_000)
    return page


def test_a_colleague_opens_the_link_and_uses_a_widget(running: Product, square: str, context: BrowserContext) -> None:
    page = log_in(context, running, "bob", f"/d/{square}/")
    page.wait_for_url(f"{running.host('square.apps')}/")
    expect(page.frame_locator("#rendering").get_by_text("first 1")).to_be_visible()
    live(page)
    frame = page.frame_locator("#live")
    expect(frame.get_by_text("square 9")).to_be_visible()
    handle = frame.locator(".noUi-handle")
    handle.focus()
    handle.press("ArrowRight")
    expect(frame.get_by_text("square 16")).to_be_visible()


def test_pages_load_few_files_and_only_those_need_no_viewer(
    running: Product, square: str, context: BrowserContext
) -> None:
    page = log_in(context, running, "bob", "/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{running.host('square.apps')}/")
    live(page)
    host = running.host("square.apps")
    assets = [url for url in asked if url.startswith(f"{host}/live/assets/")]
    assert 5 < len(assets) < 20, "chunks come as one"
    strangers = {"Host": host.removeprefix("http://")}
    with httpx.Client(base_url=f"http://127.0.0.1:{running.port}", headers=strangers) as stranger:
        for url in assets:
            answer = stranger.get(url.removeprefix(host))
            assert answer.status_code == 200, url
            assert "immutable" in answer.headers["cache-control"]
            assert "set-cookie" not in answer.headers
            assert stranger.post(url.removeprefix(host)).status_code == 401
        for path in ("/live/", "/live/assets/../", "/live/assets/%2e%2e/", "/live/assets/..%2f"):
            exactly = stranger.base_url.copy_with(raw_path=path.encode())
            answer = stranger.send(httpx.Request("GET", exactly, headers=strangers))
            assert answer.status_code in (400, 401, 403, 404), path
        seen = {url.removeprefix(host) for url in asked if "/live/" in url} - {url.removeprefix(host) for url in assets}
        for path in seen:
            assert stranger.get(path).status_code == 401, path


def test_parameters_in_the_link_reach_the_notebook(running: Product, square: str, context: BrowserContext) -> None:
    page = log_in(context, running, "bob", f"/d/{square}/%3Fn=7")
    expect(live(page).frame_locator("#live").get_by_text("first 7")).to_be_visible()
    page.goto(f"{running.host('square.apps')}/?n=many&m=1")
    expect(page.get_by_role("heading", name="This link has values that can't be used")).to_be_visible()
    expect(page.get_by_role("listitem")).to_have_count(2)


def test_who_is_not_of_the_audience_sees_nothing(running: Product, square: str, context: BrowserContext) -> None:
    page = log_in(context, running, "eve", f"/d/{square}/")
    expect(page.get_by_role("heading", name=re.compile("There is no dashboard"))).to_be_visible()
    page.goto(running.host("square.apps"))
    expect(page.get_by_role("heading", name=re.compile("There is no dashboard"))).to_be_visible()


def test_the_public_sees_a_public_dashboard_without_a_login(running: Product, context: BrowserContext) -> None:
    running.publish("ada", running.write("open.ipynb", "print('for all')"), "open", "--audience", "public")
    page = context.new_page()
    page.goto(f"{running.url}/d/open/")
    expect(live(page).frame_locator("#live").get_by_text("for all")).to_be_visible()


def test_script_in_a_dashboard_reaches_nothing_as_the_viewer(
    running: Product, square: str, context: BrowserContext
) -> None:
    targets = {
        "portal": f"{running.url}/",
        "api": f"{running.url}/api/v1/me",
        "hub": f"{running.url}/hub/api/user",
        "lab": f"{running.host('bob')}/user/bob/api/contents",
        "other": f"{running.host('square.apps')}/live/",
        "outputs": f"{running.host('outputs.apps')}/o/r/1/1/x/notebook.html",
    }
    path = running.write("attack.ipynb", ATTACK % targets)
    running.publish("ada", path, "attack", "--audience", "users")
    page = log_in(context, running, "bob", "/d/attack/")
    loot = live(page).frame_locator("#live").locator("#loot")
    expect(loot).to_contain_text("done", timeout=30_000)
    text = loot.inner_text()
    for name in targets:
        assert f'"{name}":"refused"' in text, text
    assert '"cookie":""' in text, text


def test_an_asleep_dashboard_shows_its_last_rendering_and_wakes(running: Product, context: BrowserContext) -> None:
    path = running.write("sleepy.ipynb", "print('good morning')")
    running.publish("ada", path, "sleepy", "--audience", "users")
    page = log_in(context, running, "bob", "/")
    with running.client("ada") as client:
        client.post("/dashboards/sleepy/sleep").raise_for_status()
    id = running.dashboard("ada", "sleepy", "asleep")["id"]
    until(lambda: not list((running.state / "workloads").glob(f"{id}.*")), 30, "its process gone")
    page.goto(f"{running.url}/d/sleepy/")
    expect(page.frame_locator("#rendering").get_by_text("good morning")).to_be_visible()
    expect(live(page).frame_locator("#live").get_by_text("good morning")).to_be_visible()


def test_a_page_that_waits_says_when_its_viewers_access_has_ended(running: Product, context: BrowserContext) -> None:
    running.publish("ada", running.write("given.ipynb", "print('for a while')"), "given", "--audience", "users")
    with running.client("ada") as client:
        client.post("/dashboards/given/sleep").raise_for_status()
    running.dashboard("ada", "given", "asleep")
    page = log_in(context, running, "bob", "/")

    def close_first(route: Route) -> None:
        with running.client("ada") as client:
            client.patch("/dashboards/given", json={"audience": "me"}).raise_for_status()
        route.continue_()

    page.route("**/.noteyard/state", close_first)
    page.goto(f"{running.url}/d/given/")
    expect(page.locator("#state")).to_have_text("You can't see this dashboard any more.")
    page.get_by_role("button", name="Reload").click()
    expect(page.get_by_role("heading", name="This dashboard is not open to you")).to_be_visible()


def test_a_version_that_fails_never_replaces_one_that_works(running: Product, context: BrowserContext) -> None:
    running.publish("ada", running.write("steady.ipynb", "print('works')"), "steady", "--audience", "users")
    bad = running.write("steady.ipynb", "print('about to fail')", "1 / 0")
    running.yard("ada", "publish", str(bad), "--slug", "steady", "--title", "Steady")
    with running.client("ada") as client:
        failed = until(
            lambda: [v for v in client.get("/dashboards/steady").json()["versions"] if v["state"] == "failed"],
            60,
            "the second version failed",
        )
        assert failed[0]["error"]["name"] == "ZeroDivisionError"
        assert failed[0]["error"]["cell"] == 1
        assert client.get("/dashboards/steady").json()["current"] == 1
    with running.client("bob") as client:
        versions = client.get("/dashboards/steady").json()["versions"]
        assert all(version["error"] is None for version in versions), "viewers do not see why"
    page = log_in(context, running, "bob", "/d/steady/")
    expect(live(page).frame_locator("#live").get_by_text("works")).to_be_visible()


def test_a_dashboard_has_its_data_again_once_its_publisher_is_enabled(
    running: Product, context: BrowserContext
) -> None:
    running.add("dora")
    team = running.state / "s3" / "team"
    team.mkdir(exist_ok=True)
    (team / "shown.txt").write_text("the numbers")
    id = running.publish("dora", running.write("data.ipynb", DATA), "data", "--audience", "public")["id"]
    for word in ("disable", "enable"):
        running.command("user", word, "dora")
    running.tokens.pop("dora")  # it ended with her login
    until(lambda: not (running.state / "workloads" / f"{id}.1.1").exists(), 30, "the end of the first process")
    page = context.new_page()
    page.goto(f"{running.url}/d/data/")
    expect(live(page).frame_locator("#live").get_by_text("the numbers")).to_be_visible()
