"""A fresh visit to a dashboard: stock Voila's first content against the last rendering and the live session."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Browser

from benchmarks.measuring import Row, in_turn, seconds, started
from tests.support.ports import free_port
from tests.support.product import LAB, Product, chromium
from tests.support.waiting import until

WORDS = "the mean is"
CELLS = (
    "import pandas as pd\nimport ipywidgets as w",
    "table = pd.DataFrame({'a': range(100), 'b': [n * n for n in range(100)]})\nw.IntSlider(value=3, description='n')",
    f"print('{WORDS}', table.b.mean() * n)\ntable.head()",
)
SEEN = "benchmark-seen"
# Runs in every frame: says once when the words stand in it, are not hidden by the frame around it, and are painted.
WATCH = f"""(() => {{
  const look = () => {{
    const around = window.frameElement;
    const hidden = around && getComputedStyle(around).visibility === "hidden";
    if (!hidden && document.body && document.body.innerText.includes({WORDS!r}))
      requestAnimationFrame(() => console.log({SEEN!r}, location.pathname, performance.timeOrigin + performance.now()));
    else requestAnimationFrame(look);
  }};
  requestAnimationFrame(look);
}})()"""
RENDERING, LIVE, VOILA = "/.noteyard/rendering", "/live/", "/"
PAGE_MS = 120_000


def measure(product: Product, folder: Path, rounds: int) -> Iterator[Row]:
    notebook = product.write("visited.ipynb", *CELLS, parameters="n: int = 1")
    product.publish(product.add("publisher"), notebook, "visited", "--audience", "public")
    link = f"{product.url}/d/visited/"
    with _voila(notebook, folder) as address, chromium() as browser:
        last = in_turn(rounds, lambda: _visit(browser, address, VOILA), lambda: _visit(browser, link, RENDERING))
        live = in_turn(rounds, lambda: _visit(browser, address, VOILA), lambda: _visit(browser, link, LIVE))
    yield last.row("Dashboard, fresh visit to last rendering (stock Voila's first content)", "at most 0.05x", seconds)
    yield live.row("Dashboard, fresh visit to live content (stock Voila's first content)", "at most 0.5x", seconds)


@contextmanager
def _voila(notebook: Path, folder: Path) -> Iterator[str]:
    port = free_port()
    command: list[str | Path] = [LAB / "voila", notebook, "--no-browser", "--Voila.ip=127.0.0.1", f"--port={port}"]
    env = {**os.environ, "PATH": f"{LAB}:{os.environ['PATH']}"}
    address = f"http://127.0.0.1:{port}/"
    with started(command, folder / "voila.log", env, folder):
        until(lambda: _answers(f"{address}voila/static/voila.js"), 60, "Voila")
        yield address


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code < 500
    except httpx.TransportError:
        return False


def _visit(browser: Browser, link: str, frame: str) -> float:
    """Seconds from the address typed to the notebook's words painted; `frame` is the path of the page they are in."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        context.add_init_script(WATCH)
        page = context.new_page()
        with page.expect_console_message(lambda m: m.text.startswith(f"{SEEN} {frame} "), timeout=PAGE_MS) as seen:
            began = time.time()
            page.goto(link, wait_until="commit", timeout=PAGE_MS)
        return float(seen.value.text.split()[-1]) / 1000 - began
    finally:
        context.close()
