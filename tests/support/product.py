"""The whole product as a newcomer starts it, by the `noteyard` command: for flows, faults and measurements."""

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.command import noteyard
from tests.support.ports import free_port
from tests.support.rows import notebook
from tests.support.waiting import until

LAB = Path(sys.prefix).parent / "lab" / "bin"
YARD = LAB / "yard"
PASSWORD = "correct horse battery"
ENDED = {"succeeded", "failed", "cancelled", "timed out", "lost"}


@dataclass
class Product:
    """A running installation; people are added as they are first asked for."""

    state: Path
    port: int
    tokens: dict[str, str] = field(default_factory=dict)
    said: str = ""
    """What `noteyard up` printed at the first start."""

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def host(self, label: str) -> str:
        """Address of a lab's or dashboard's own host."""
        return f"http://{label}.localhost:{self.port}"

    def command(self, *words: str, **options: Any) -> str:
        return noteyard(self.state, *words, **options)

    def add(self, name: str, *groups: str, admin: bool = False) -> str:
        """Add a person, who need not change the first password; returns the name."""
        words = [*(word for group in groups for word in ("--group", group)), *(["--admin"] if admin else [])]
        self.command("user", "add", name, *words, "--password-stdin", stdin=PASSWORD + "\n")
        with sqlite3.connect(self.state / "db" / "noteyard.sqlite", timeout=30) as connection:
            connection.execute("UPDATE people SET must_change_password = 0 WHERE name = ?", (name,))
        return name

    def token(self, name: str) -> str:
        if name not in self.tokens:
            scopes = ["--scope", "read", "--scope", "write"]
            self.tokens[name] = self.command("token", name, *scopes).strip().splitlines()[-1]
        return self.tokens[name]

    def client(self, name: str) -> httpx.Client:
        """REST as a person."""
        headers = {"Authorization": f"Bearer {self.token(name)}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=60)

    def yard(self, name: str, *words: str, code: int = 0) -> str:
        """The `yard` command as a person; what it prints on standard output."""
        variables = {"NOTEYARD_URL": self.url, "NOTEYARD_TOKEN": self.token(name), "PATH": os.environ["PATH"]}
        done = subprocess.run(
            [YARD, *words], env=variables, cwd=self.state, capture_output=True, text=True, timeout=180, check=False
        )
        assert done.returncode == code, f"yard {' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def write(self, name: str, *cells: str, parameters: str | None = None) -> Path:
        """A notebook file with these code cells."""
        path = self.state / "notebooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(notebook(*cells, parameters=parameters)))
        return path

    def publish(self, name: str, notebook: Path, slug: str, *words: str) -> dict[str, Any]:
        """Publish a notebook and wait until it is up."""
        self.yard(name, "publish", str(notebook), "--slug", slug, "--title", slug.title(), *words)
        return self.dashboard(name, slug, "ready")

    def dashboard(self, name: str, slug: str, state: str, seconds: float = 90) -> dict[str, Any]:
        """The dashboard once it is in a state."""
        with self.client(name) as client:

            def there() -> dict[str, Any] | None:
                model: dict[str, Any] = client.get(f"/dashboards/{slug}").raise_for_status().json()
                return model if model["state"] == state else None

            found = until(there, seconds, f"dashboard {slug} {state}")
            assert found is not None
            return found

    def ended(self, name: str, run: str, seconds: float = 90) -> dict[str, Any]:
        """The run once it is over."""
        with self.client(name) as client:

            def over() -> dict[str, Any] | None:
                model: dict[str, Any] = client.get(f"/runs/{run}").raise_for_status().json()
                return model if model["state"] in ENDED else None

            found = until(over, seconds, f"run {run} over")
            assert found is not None
            return found

    def log(self, part: str) -> str:
        return (self.state / "logs" / f"{part}.log").read_text()


@contextmanager
def product(state: Path, **settings: Any) -> Iterator[Product]:
    """A started installation in a state folder; it is stopped with the block."""
    state.mkdir(parents=True, exist_ok=True)
    (state / "noteyard.yaml").write_text(yaml.safe_dump(settings))
    made = Product(state, free_port())
    try:
        made.said = made.command("up", "--detach", "--port", str(made.port), seconds=240)
        yield made
    finally:
        made.command("down", seconds=120)


def log_in(context: BrowserContext, product: Product, name: str, path: str = "/") -> Page:
    """A page of a browser in which a person has logged in."""
    page = context.new_page()
    page.goto(f"{product.url}/portal/login?next={path}")
    page.fill("#username", name)
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url(lambda url: "/hub/" not in url and "/portal/login" not in url)
    return page


@contextmanager
def chromium(*more: str) -> Iterator[Browser]:
    """Debian's Chromium, headless, with `more` flags."""
    from playwright.sync_api import sync_playwright

    path = next(
        p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome") if Path(p).exists()
    )
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", *more]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags)
        try:
            yield browser
        finally:
            browser.close()
