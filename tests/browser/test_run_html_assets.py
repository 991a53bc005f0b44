"""The page of a run in a real browser: formulas, widgets, pictures and icons are our own, no other host is asked."""

import mimetypes
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.support.worker_side import ROOT, claim_of, notebook, run, text

SANDBOX = ("Content-Security-Policy", "sandbox allow-scripts")
VENDOR = ROOT / "hub" / "noteyard" / "api" / "static" / "vendor"
LOADED = "name => [...document.fonts].some(font => font.status == 'loaded' && font.family.includes(name))"
CELLS = (
    text("# Weather\n\nEuler: $e^{i\\pi}+1=0$ and\n\n$$\\int_0^1 x^2\\,dx=\\frac13$$"),
    "import ipywidgets as w\nfrom IPython.display import HTML, Math, display\nimport matplotlib.pyplot as plt",
    "out = w.Output()\nwith out:\n    print('captured text')\n"
    "slider = w.FloatSlider(value=3.5, max=7, description='Power $x^2$')\n"
    "display(slider, out, w.Button(description='Go', icon='check'))",
    "display(Math(r'\\frac{a}{b}'))\nplt.plot([1, 3, 2]);",
    'HTML(\'<i class="fa fa-camera" id="camera"></i><script>document.body.dataset.ran = "yes"</script>\')',
)


class _Pages(BaseHTTPRequestHandler):
    page = ""

    def do_GET(self) -> None:
        """The page, sandboxed, or an asset."""
        path = self.path.partition("?")[0]
        asset = VENDOR / path.removeprefix("/_assets/")
        if path == "/page":
            self._send(self.page.encode(), "text/html; charset=utf-8", *SANDBOX)
        elif path.startswith("/_assets/") and asset.is_file():
            kind = mimetypes.guess_type(asset.name)[0] or "application/octet-stream"
            self._send(asset.read_bytes(), kind, "Access-Control-Allow-Origin", "*")
        else:
            self.send_error(404)

    def _send(self, body: bytes, kind: str, header: str, value: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header(header, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the test looks at what the browser asks for."""


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serves the page of a run that was really executed, and the assets."""
    assert VENDOR.is_dir(), "the pages' assets are missing: run `make assets`"
    side = claim_of({"weather.ipynb": notebook(*CELLS)})
    assert run(side, tmp_path_factory.mktemp("run")) == 0
    assert side.finished is not None
    assert side.finished["outcome"] == "succeeded", side.finished
    handler = type("Pages", (_Pages,), {"page": side.outputs["notebook.html"]})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, chrome: Browser, origin: str) -> Iterator[Page]:
    """The run's page, every other host blocked; fails afterwards when one was asked or something was missing."""
    context = chrome.new_context(color_scheme=request.param, viewport={"width": 1100, "height": 1400})
    page = context.new_page()
    troubles: list[str] = []

    def block(route: Route) -> None:
        troubles.append(f"asked {route.request.url}")
        route.abort()

    page.route(lambda url: not url.startswith((origin, "data:")), block)
    page.on("response", lambda answer: troubles.append(f"{answer.status} {answer.url}") if not answer.ok else None)
    page.on("requestfailed", lambda failed: troubles.append(f"failed {failed.url}"))
    page.on("pageerror", lambda error: troubles.append(f"error {error}"))
    page.goto(f"{origin}/page")
    yield page
    page.wait_for_load_state("networkidle")
    context.close()
    assert [trouble for trouble in troubles if "favicon.ico" not in trouble] == []


def test_everything_shows_from_our_own_assets(page: Page, request: pytest.FixtureRequest) -> None:
    page.wait_for_selector("#cell-0 mjx-container[display=true] mjx-mfrac")
    page.wait_for_selector("#cell-3 .jp-RenderedLatex mjx-mfrac")
    page.wait_for_selector("#cell-2 .widget-slider .noUi-handle")
    page.wait_for_selector("#cell-2 .widget-slider .widget-label mjx-container")
    expect(page.locator("#cell-2 .widget-readout")).to_have_text("3.50")
    page.wait_for_selector("#cell-2 .widget-output :text('captured text')")
    page.wait_for_selector("#cell-2 .widget-button i.fa-check")
    page.wait_for_function("document.querySelector('#cell-3 img').naturalWidth > 100")
    expect(page.locator("#cell-3 img")).to_have_attribute("alt", "Picture made by the notebook")
    expect(page.locator("body")).to_have_attribute("data-ran", "yes")
    for family in ("Font Awesome", "MJXTEX"):
        page.wait_for_function(LOADED, arg=family)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert background == ("rgb(27, 27, 27)" if dark else "rgb(255, 255, 255)")
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", "false" if dark else "true")


def test_the_page_is_sandboxed(page: Page) -> None:
    assert page.evaluate("window.origin") == "null"


def test_widgets_can_be_moved(page: Page) -> None:
    page.wait_for_selector("#cell-2 .widget-slider .noUi-handle")
    page.focus("#cell-2 .widget-slider .noUi-handle")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('#cell-2 .widget-readout').textContent == '3.60'")
