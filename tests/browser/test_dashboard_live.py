"""A dashboard in a real browser: its last rendering at once, its live session after it, nothing from other hosts."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Frame, Page, Route, expect

from tests.support.launcher import Launcher, code, launched, markdown
from tests.support.waiting import until

CELLS = [
    markdown("# Sales\n\nThe share is $\\int_0^1 x^2\\,dx = \\frac{1}{3}$."),
    code("import ipywidgets as w\nfrom IPython.display import HTML, Latex, display"),
    code("n: int = 5", "parameters"),
    code("display(Latex(r'$e^{i\\pi} = -1$'))\nHTML('<i class=\"fa fa-bell\"></i><b>bell</b>')"),
    code("assert n >= 0, 'secret reason'\nHTML('<div style=\"height: 1500px\">long</div>')"),
    code(
        "slider, label = w.IntSlider(value=n, description='n'), w.Label(value=f'double {n * 2}')\n"
        "slider.observe(lambda change: setattr(label, 'value', f'double {change.new * 2}'), 'value')\n"
        "button, out = w.Button(description='Ok', icon='check'), w.Output()\n"
        "def clicked(_):\n    with out:\n        print('clicked')\n"
        "button.on_click(clicked)\n"
        "w.VBox([slider, label, button, out])"
    ),
]
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer", "x-type": "int"}}}
READY = 60_000


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    folder = tmp_path_factory.mktemp("live")
    with launched(folder, *CELLS, schema=SCHEMA, parameters={"n": 5}, render=True, sessions_max=20) as launcher:
        launcher.until_ready()
        yield launcher


def visitor(context: BrowserContext, launcher: Launcher, sid: str) -> list[str]:
    """Let the browser be ada, on this dashboard's host alone; returns the addresses it asks elsewhere."""
    cookies = {"viewer": "ada", "sid": sid}
    context.add_cookies([{"name": name, "value": value, "url": launcher.side.url} for name, value in cookies.items()])
    elsewhere: list[str] = []

    def only_here(route: Route) -> None:
        if route.request.url.startswith((launcher.side.url, "data:", "blob:")):
            route.continue_()
        else:
            elsewhere.append(route.request.url)
            route.abort()

    context.route("**/*", only_here)
    return elsewhere


def frame_of(page: Page, path: str) -> Frame:
    return next(frame for frame in page.frames if path in frame.url)


def live(page: Page) -> Frame:
    """The live page, once it has taken over."""
    expect(page.locator("#state")).to_have_text("Live", timeout=READY)
    expect(page.locator("#rendering")).to_have_count(0)
    return frame_of(page, "/live/")


def is_drawn(frame: Frame) -> None:
    """Formulas are typeset in loaded fonts, icons too, widgets are there."""
    expect(frame.locator("mjx-container")).to_have_count(2, timeout=READY)
    expect(frame.locator(".noUi-handle")).to_be_visible(timeout=READY)
    until(lambda: frame.evaluate("document.fonts.check('16px MJXTEX')"), 20, "MathJax's font")
    expect(frame.get_by_text("bell")).to_be_visible()


def test_the_last_rendering_is_there_at_once_and_the_live_session_takes_over(
    launcher: Launcher, context: BrowserContext
) -> None:
    elsewhere = visitor(context, launcher, "swap")
    page = context.new_page()
    launcher.side.state_override = {"state": "sleeping", "message": "", "live": False}
    page.goto(launcher.side.url)
    expect(page.locator("#state")).to_contain_text("Showing the last rendering from 22 Nov 2026")
    rendering = frame_of(page, "/.noteyard/rendering")
    is_drawn(rendering)
    expect(rendering.get_by_text("double 10")).to_be_visible()
    assert (
        rendering.evaluate("(() => { try { return localStorage.length } catch { return 'sandboxed' } })()")
        == "sandboxed"
    )
    rendering.evaluate("window.scrollTo(0, 700)")
    place = rendering.get_by_role("button", name="Ok").bounding_box()

    launcher.side.state_override = None
    frame = live(page)
    is_drawn(frame)
    until(lambda: frame.evaluate("window.scrollY") == 700, 5, "the same place is shown")
    now = frame.get_by_role("button", name="Ok").bounding_box()
    assert place is not None and now is not None
    assert abs(place["y"] - now["y"]) < 12, "what was on the screen stays where it was"

    handle = frame.locator(".noUi-handle")
    handle.focus()
    handle.press("ArrowRight")
    expect(frame.get_by_text("double 12")).to_be_visible()
    frame.get_by_role("button", name="Ok").click()
    expect(frame.get_by_text("clicked")).to_be_visible()
    assert elsewhere == []


def test_a_visit_with_parameters_is_executed_for_it(launcher: Launcher, context: BrowserContext) -> None:
    visitor(context, launcher, "parameters")
    page = context.new_page()
    page.goto(f"{launcher.side.url}/?n=21")
    expect(live(page).get_by_text("double 42")).to_be_visible()


def test_a_failing_cell_shows_a_sentence(launcher: Launcher, context: BrowserContext) -> None:
    visitor(context, launcher, "failing")
    page = context.new_page()
    page.goto(f"{launcher.side.url}/?n=-1")
    frame = live(page)
    expect(frame.get_by_text("This part of the dashboard failed. Its owner can see why.")).to_be_visible()
    expect(frame.get_by_text("bell")).to_be_visible()
    text = frame.content()
    assert "secret reason" not in text
    assert "AssertionError" not in text


def test_a_session_that_ends_says_so_and_starts_again(launcher: Launcher, context: BrowserContext) -> None:
    visitor(context, launcher, "ending")
    page = context.new_page()
    page.goto(launcher.side.url)
    frame = live(page)
    kernel = frame.evaluate("JSON.parse(document.getElementById('jupyter-config-data').textContent).kernelId")
    found = [child for child in launcher.kernels if child.environ().get("NOTEYARD_SESSION") == kernel]
    found[0].kill()
    notice = frame.get_by_role("alert")
    expect(notice).to_contain_text("The session has ended.", timeout=20_000)
    expect(page.locator("#state")).to_have_text("The session has ended.")
    notice.get_by_role("button", name="Reload to start again").click()
    expect(page.locator("#state")).to_have_text("Live", timeout=READY)
    expect(frame_of(page, "/live/").get_by_text("double 10")).to_be_visible()


def test_progress_is_shown_while_cells_execute(tmp_path: Path, context: BrowserContext) -> None:
    cells = [code("1"), code("import time; time.sleep(4)"), code("print('at last')")]
    with launched(tmp_path, *cells, preheat=0) as launcher:
        launcher.until_ready()
        visitor(context, launcher, "progress")
        page = context.new_page()
        page.goto(launcher.side.url)
        expect(page.locator("#state")).to_contain_text(re.compile("Starting a live session… . of 3"), timeout=READY)
        expect(live(page).get_by_text("at last")).to_be_visible()
        direct = context.new_page()
        direct.goto(f"{launcher.side.url}/live/", wait_until="commit")
        expect(direct.get_by_role("status")).to_have_text(re.compile("Running cell . of 3…"), timeout=READY)
        expect(direct.get_by_text("at last")).to_be_visible(timeout=READY)


def test_a_busy_dashboard_goes_on_showing_its_rendering(tmp_path: Path, context: BrowserContext) -> None:
    with launched(tmp_path, code("print('for one')"), render=True, sessions_max=1) as launcher:
        launcher.until_ready()
        launcher.visit("somebody-else")
        visitor(context, launcher, "too-many")
        page = context.new_page()
        page.goto(launcher.side.url)
        expect(page.locator("#state")).to_contain_text(
            "This dashboard is busy. Trying again in a minute.", timeout=READY
        )
        expect(frame_of(page, "/.noteyard/rendering").get_by_text("for one")).to_be_visible()
        again = page.get_by_role("button", name="Try again now")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        expect(again).to_be_focused()
        for kernel in launcher.kernels:
            kernel.kill()
        until(lambda: launcher.side.report["sessions"] == 0, 20, "somebody else's session has ended")
        page.keyboard.press("Enter")
        expect(page.locator("#state")).to_have_text("Live", timeout=READY)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_both_pages_follow_the_colour_scheme(launcher: Launcher, chrome: Browser, scheme: str) -> None:
    context = chrome.new_context(color_scheme=scheme, viewport={"width": 900, "height": 700})  # type: ignore[arg-type]
    try:
        visitor(context, launcher, f"scheme-{scheme}")
        page = context.new_page()
        page.goto(f"{launcher.side.url}/.noteyard/rendering")
        rendered = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.goto(launcher.side.url)
        frame = live(page)
        expect(frame.locator("body")).to_have_css("background-color", rendered)
        expect(frame.locator("body")).to_have_attribute("data-jp-theme-light", str(scheme == "light").lower())
        problems = [
            f"{violation['id']}: {[node['target'] for node in violation['nodes']]}"
            for violation in Axe().run(page).response["violations"]
            if violation["impact"] in ("serious", "critical")
        ]
        assert problems == []
    finally:
        context.close()


def test_the_bar_fits_a_narrow_window(launcher: Launcher, chrome: Browser) -> None:
    context = chrome.new_context(viewport={"width": 340, "height": 640})
    try:
        visitor(context, launcher, "narrow")
        launcher.side.state_override = {
            "state": "failed",
            "message": "The live session can't be started.",
            "live": False,
        }
        page = context.new_page()
        page.goto(launcher.side.url)
        expect(page.locator("#state")).to_contain_text("The live session can't be started.")
        assert page.evaluate("document.documentElement.scrollWidth") <= 340
        expect(page.get_by_role("heading", name="Sales in the north")).to_be_visible()
    finally:
        launcher.side.state_override = None
        context.close()
