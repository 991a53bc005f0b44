"""The README's pictures, taken from a real installation with the worked example: `make screenshots`."""

import json
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.support.product import Product, chromium, log_in, product  # noqa: E402

IMAGES = ROOT / "docs" / "images"
EXAMPLE = ROOT / "notebooks" / "weather"


def main() -> None:
    IMAGES.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="ny-pictures-"))
    try:
        with product(folder / "state") as made:
            made.add("ada", "weather")
            take(made, prepare(made, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def prepare(made: Product, folder: Path) -> dict[str, str]:
    """The worked example, run and published; ids of a run and of a schedule."""
    work = shutil.copytree(EXAMPLE, folder / "weather")

    def yard(*words: str, code: int = 0) -> str:
        return made.yard("ada", *words, code=code)

    for name in ("collect.ipynb", "preprocess.ipynb", "train.ipynb"):
        day = ["-p", "day=2026-11-22"] if name.startswith("collect") else []
        yard("run", str(work / name), *day, "--wait")
    collect = str(work / "collect.ipynb")
    rule = [
        "--cron",
        "0 6 * * *",
        "--timezone",
        "Europe/Berlin",
        "--name",
        "Collect a day",
        "-p",
        "day={{ due | date }}",
    ]
    schedule = json.loads(yard("schedule", "create", collect, *rule, "--json"))["id"]
    with made.client("ada") as client:
        for _ in range(2):
            run = client.post(f"/schedules/{schedule}/run").raise_for_status().json()["id"]
            made.ended("ada", run)
    report = json.loads(yard("run", str(work / "report.ipynb"), "--wait", "--json"))["id"]
    words = ["--description", "Seattle's weather, year by year, with a prediction from the trained model."]
    yard(
        "publish",
        str(work / "dashboard.ipynb"),
        "--slug",
        "weather",
        "--title",
        "Weather",
        "--audience",
        "users",
        *words,
    )
    failing = made.write(
        "check.ipynb", "print('checking the stock list')", "stock = [3, 1, 0]\nassert min(stock) > 0, stock"
    )
    yard("run", str(failing), "--wait", code=3)
    made.dashboard("ada", "weather", "ready", 180)
    return {"run": report, "schedule": schedule}


def take(made: Product, ids: dict[str, str]) -> None:
    with chromium() as browser:
        context = browser.new_context(
            viewport={"width": 1180, "height": 760}, timezone_id="Europe/Berlin", locale="en-GB"
        )
        context.set_default_timeout(120_000)
        page = log_in(context, made, "ada")
        pages = {
            "home": "/",
            "run": f"/portal/runs/{ids['run']}",
            "schedule": f"/portal/schedules/{ids['schedule']}",
            "dashboards": "/portal/dashboards",
        }
        for name, path in pages.items():
            page.goto(made.url + path, wait_until="load")
            page.wait_for_timeout(2500)
            page.screenshot(path=IMAGES / f"{name}.png")
        page.goto(f"{made.url}/d/weather/")
        page.locator("#state", has_text="Live").wait_for()
        page.wait_for_timeout(1500)
        page.screenshot(path=IMAGES / "dashboard.png")
        page.goto(f"{made.url}/hub/spawn")
        page.locator("#jp-top-panel, .jp-Launcher").first.wait_for()
        page.wait_for_timeout(4000)
        page.screenshot(path=IMAGES / "lab.png")


if __name__ == "__main__":
    main()
