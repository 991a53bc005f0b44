"""From the login's button to a lab that can be used: stock JupyterHub against Noteyard, the same lab environment."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
from noteyard.backends.local.processes import processes
from noteyard.backends.local.spare_labs import OPTION
from playwright.sync_api import Browser, Page

from benchmarks.measuring import Pair, Row, in_turn, seconds, started
from benchmarks.peers import proxy_program
from tests.support.ports import free_port
from tests.support.product import LAB, PASSWORD, Product, chromium
from tests.support.waiting import until

HUB = Path(sys.prefix) / "bin" / "jupyterhub"
LAUNCHER = ".jp-Launcher"
MOST_ROUNDS = 9
PAGE_MS = 180_000
CONFIG = """\
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.allow_all = True
c.JupyterHub.spawner_class = "jupyterhub.spawner.SimpleLocalProcessSpawner"
c.SimpleLocalProcessSpawner.home_dir_template = {homes!r}
c.Spawner.cmd = [{singleuser!r}]
c.Spawner.default_url = "/lab"
c.Spawner.args = ["--allow-root"]
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_port = {hub}
"""


def measure(product: Product, folder: Path, rounds: int) -> Iterator[Row]:
    pair = logins(_stock(folder), product, rounds, lambda: until(_spare_rests, 60, "the next spare"))
    yield pair.row("Login to usable lab (stock JupyterHub, SimpleLocalProcessSpawner)", "at most 0.8x", seconds)


def logins(
    stock: AbstractContextManager[str], product: Product, rounds: int, rest: Callable[[], object] = lambda: None
) -> Pair:
    """Seconds from the login's button to a lab that can be used; `stock` gives the address of theirs.

    `rest` waits, after each lab, until nothing goes on that would take from the next one.
    """
    rounds = min(rounds, MOST_ROUNDS)
    people = [product.add(f"lab{number}") for number in range(rounds + 1)]
    # A person's first start, with a new home, is what both sides are asked for.
    names = {"theirs": iter(people), "ours": iter(people)}

    def asked(side: str, address: str) -> float:
        took = _log_in(browser, f"{address}/hub/login?next=/hub/spawn", next(names[side]))
        rest()
        return took

    with stock as address, chromium() as browser:
        rest()
        return in_turn(rounds, lambda: asked("theirs", address), lambda: asked("ours", product.url))


def _spare_rests() -> bool:
    """Whether there is a spare lab that has imported all it wants."""
    before = _work_of_spares()
    time.sleep(0.5)
    return bool(before) and before == _work_of_spares()


def _work_of_spares() -> dict[int, str]:
    """Of each spare's process its state and the time it has worked."""
    spares = [process.id.pid for process in processes().values() if process.ends_with(OPTION)]
    stats = {pid: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in spares}
    return {pid: " ".join([fields[0], *fields[11:13]]) for pid, fields in stats.items() if int(fields[11]) > 10}


@contextmanager
def _stock(folder: Path) -> Iterator[str]:
    """JupyterHub as its own documentation starts it, with labs of the same environment as ours."""
    home = folder / "stock"
    home.mkdir()
    ports = {name: free_port() for name in ("port", "api", "hub")}
    for number in range(MOST_ROUNDS + 1):
        (home / f"lab{number}").mkdir()
    values = {"homes": f"{home}/{{username}}", "singleuser": str(LAB / "jupyterhub-singleuser")}
    config = home / "jupyterhub_config.py"
    config.write_text(CONFIG.format(**values, **ports, proxy=str(proxy_program())))
    env = {**os.environ, "PATH": f"{LAB}:{os.environ['PATH']}"}
    address = f"http://127.0.0.1:{ports['port']}"
    with started([HUB, "-f", config], folder / "jupyterhub.log", env, home):
        until(lambda: answers(f"{address}/hub/login"), 60, "JupyterHub")
        yield address


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def _log_in(browser: Browser, login: str, name: str) -> float:
    """Seconds from the login's button to JupyterLab's launcher; the lab is stopped again."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    try:
        page = context.new_page()
        page.goto(login, timeout=PAGE_MS)
        origin = page.evaluate("location.origin")
        page.fill("[name=username]", name)
        page.fill("[name=password]", PASSWORD)
        began = time.perf_counter()
        page.press("[name=password]", "Enter")
        page.locator(LAUNCHER).wait_for(state="visible", timeout=PAGE_MS)
        took = time.perf_counter() - began
        _stop(page, origin, name)
        return took
    finally:
        context.close()


def _stop(page: Page, origin: str, name: str) -> None:
    """Stop the lab, as the person's own page of the hub does, and wait until it is gone."""
    page.goto(f"{origin}/hub/token", timeout=PAGE_MS)
    ask = """async ([method, name]) => {
      const xsrf = (document.cookie.match(/_xsrf=([^;]*)/) || [])[1] || "";
      const server = method === "DELETE" ? "/server" : "";
      const answer = await fetch(`/hub/api/users/${name}${server}`, {method, headers: {"X-XSRFToken": xsrf}});
      return method === "DELETE" ? answer.status : (await answer.json()).server;
    }"""
    status = page.evaluate(ask, ["DELETE", name])
    if status not in (202, 204):
        raise RuntimeError(f"the lab of {name} can't be stopped: {status}")
    until(lambda: page.evaluate(ask, ["GET", name]) is None, 60, f"the end of the lab of {name}")
