"""A fresh visit to a dashboard: stock Voila's first content against the last rendering and the live session."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.sync_api import Browser

from benchmarks.measuring import Pair, Row, in_turn, seconds, started
from tests.support.ports import free_port
from tests.support.product import LAB, Product, chromium
from tests.support.waiting import until

WEATHER = Path(__file__).parents[1] / "notebooks" / "weather"
PREPARING = (("collect", "day=2024-02-29"), ("preprocess",), ("train", "target=temp_max"), ("train", "target=wind"))
"""Runs of the worked example, with their parameters, before its dashboard has all to show."""
PRINTS = (
    "import pandas as pd\nimport ipywidgets as w",
    "table = pd.DataFrame({'a': range(100), 'b': [n * n for n in range(100)]})\nw.IntSlider(value=3, description='n')",
    "print('the mean is', table.b.mean() * n)\ntable.head()",
)
SEEN = "benchmark-seen"
# Runs in every frame: says once when the words stand in it, are not hidden by the frame around it, and are painted.
WATCH = """(() => {{
  const look = () => {{
    const around = window.frameElement;
    const hidden = around && getComputedStyle(around).visibility === "hidden";
    if (!hidden && document.body && document.body.innerText.includes({words!r}))
      requestAnimationFrame(() => console.log({seen!r}, location.pathname, performance.timeOrigin + performance.now()));
    else requestAnimationFrame(look);
  }};
  requestAnimationFrame(look);
}})()"""
RENDERING, LIVE, VOILA = "/.noteyard/rendering", "/live/", "/"
PAGE_MS = 120_000


@dataclass(frozen=True)
class Visited:
    """A notebook that both sides publish, and words below all that it shows."""

    notebook: Path
    slug: str
    words: str


def measure(product: Product, folder: Path, rounds: int) -> Iterator[Row]:
    publisher = product.add("publisher")
    for name, *parameters in PREPARING:
        given = [word for parameter in parameters for word in ("-p", parameter)]
        product.yard(publisher, "run", str(WEATHER / f"{name}.ipynb"), *given, "--wait")
    weather = Visited(WEATHER / "dashboard.ipynb", "weather", "Tomorrow, if today is like this")
    last, live = _visits(product, publisher, weather, folder, rounds)
    yield last.row(
        "Weather dashboard, fresh visit to its last rendering (stock Voila's content)", "at most 0.05x", seconds
    )
    yield live.row("Weather dashboard, fresh visit to live content (stock Voila's)", "at most 0.5x", seconds)
    smallest = Visited(product.write("smallest.ipynb", *PRINTS, parameters="n: int = 1"), "smallest", "the mean is")
    last, live = _visits(product, publisher, smallest, folder, rounds)
    yield last.row("Smallest dashboard, fresh visit to its last rendering (stock Voila's content)", "", seconds)
    yield live.row("Smallest dashboard, fresh visit to live content (stock Voila's)", "", seconds)


def _visits(product: Product, publisher: str, visited: Visited, folder: Path, rounds: int) -> tuple[Pair, Pair]:
    """Seconds to the last rendering and to live content."""
    product.publish(publisher, visited.notebook, visited.slug, "--audience", "public")
    link = f"{product.url}/d/{visited.slug}/"
    team = (product.state / "s3" / "team").as_uri()
    with _voila(visited.notebook, team, folder) as address, chromium() as browser:

        def visit(page: str, frame: str) -> Callable[[], float]:
            return lambda: _visit(browser, page, frame, visited.words)

        return (
            in_turn(rounds, visit(address, VOILA), visit(link, RENDERING)),
            in_turn(rounds, visit(address, VOILA), visit(link, LIVE)),
        )


@contextmanager
def _voila(notebook: Path, team: str, folder: Path) -> Iterator[str]:
    """Stock Voila, which reads the team's data from the disk and not from the S3 server in front of it."""
    port = free_port()
    command: list[str | Path] = [LAB / "voila", notebook, "--no-browser", "--Voila.ip=127.0.0.1", f"--port={port}"]
    env = {**os.environ, "PATH": f"{LAB}:{os.environ['PATH']}", "NOTEYARD_TEAM_URL": team}
    address = f"http://127.0.0.1:{port}/"
    with started(command, folder / f"voila-{notebook.stem}.log", env, notebook.parent):
        until(lambda: _answers(f"{address}voila/static/voila.js"), 60, "Voila")
        yield address


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code < 500
    except httpx.TransportError:
        return False


def _visit(browser: Browser, link: str, frame: str, words: str) -> float:
    """Seconds from the address typed to the notebook's words painted; `frame` is the path of the page they are in."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        context.add_init_script(WATCH.format(words=words, seen=SEEN))
        page = context.new_page()
        with page.expect_console_message(lambda m: m.text.startswith(f"{SEEN} {frame} "), timeout=PAGE_MS) as seen:
            began = time.time()
            page.goto(link, wait_until="commit", timeout=PAGE_MS)
        return float(seen.value.text.split()[-1]) / 1000 - began
    finally:
        context.close()
