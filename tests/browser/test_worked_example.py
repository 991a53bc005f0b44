"""The worked example through the whole product: runs, a schedule, a dashboard. No lab is started for any of it."""

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psutil
import pytest
from playwright.sync_api import BrowserContext, FrameLocator, expect

from tests.support.product import LAB, Product, log_in
from tests.support.waiting import until

WEATHER = Path(__file__).parents[2] / "notebooks" / "weather"
EARLIEST_ZONE = "Pacific/Kiritimati"
"""14 hours ahead of UTC: mostly another day than here, so that a date in the wrong zone is seen."""
READ = "import pandas, sys; print(pandas.read_parquet(sys.argv[1]).to_json(orient='records', date_format='iso'))"
FIRE_SECONDS = 150


@pytest.fixture(scope="module")
def product(running: Product) -> Iterator[Product]:
    """The product, and a person who never starts a lab: what they run goes on without one."""
    running.add("wanda")
    yield running
    labs = [process.pid for process in psutil.process_iter() if "wanda" in labs_owner(process)]
    assert labs == []


def labs_owner(process: psutil.Process) -> str:
    """Whose lab a process belongs to, or nothing."""
    try:
        return process.environ().get("NOTEYARD_LAB", "")
    except psutil.Error:
        return ""


def team(product: Product, *parts: str) -> Path:
    """A file of the example in the team's data, as it lies behind the embedded S3."""
    return product.state.joinpath("s3", "team", "weather", *parts)


def rows(path: Path) -> list[dict[str, Any]]:
    """A Parquet file's rows."""
    done = subprocess.run([LAB / "python", "-c", READ, path], capture_output=True, text=True, check=True, timeout=120)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def run(product: Product, name: str, **parameters: str) -> dict[str, Any]:
    """A run that succeeded."""
    given = [word for key, value in parameters.items() for word in ("-p", f"{key}={value}")]
    words = ["run", str(WEATHER / f"{name}.ipynb"), *given, "--wait", "--json"]
    ended: dict[str, Any] = json.loads(product.yard("wanda", *words))
    assert ended["state"] == "succeeded", ended["error"]
    return ended


@pytest.fixture(scope="module")
def collected(product: Product) -> dict[str, Any]:
    return run(product, "collect", day="2024-02-29")


@pytest.fixture(scope="module")
def trained(product: Product, collected: dict[str, Any]) -> dict[str, Any]:
    run(product, "preprocess")
    run(product, "train", target="temp_max")
    return run(product, "train", target="wind", test_share="0.3")


def test_a_day_is_collected_to_the_teams_data(product: Product, collected: dict[str, Any]) -> None:
    [row] = rows(team(product, "raw", "2024-02-29.parquet"))
    assert (row["day"][:10], row["observed"][:10]) == ("2024-02-29", "2012-02-29")
    with product.client("wanda") as client:
        log = client.get(f"/runs/{collected['id']}/log").raise_for_status().text
    assert "2024-02-29 is in s3://team/weather/raw/2024-02-29.parquet" in log


def test_models_are_trained_and_reported(product: Product, trained: dict[str, Any]) -> None:
    assert trained["parameters"]["test_share"] == 0.3
    metrics = json.loads(team(product, "models", "wind", "metrics.json").read_text())
    assert (metrics["target"], metrics["test_share"]) == ("wind", 0.3)
    assert metrics["mean_error"] < metrics["same_as_today"], "the model is of some use"
    assert team(product, "models", "temp_max", "model.skops").stat().st_size > 0
    report = run(product, "report", year="2015")
    with product.client("wanda") as client:
        page = client.get(f"/runs/{report['id']}/outputs/notebook.html").raise_for_status().text
    assert "2015" in page
    assert page.count("data:image/png;base64,") >= 2


def test_a_schedule_collects_the_day_it_was_due(product: Product, collected: dict[str, Any]) -> None:
    plan = {
        "name": "Daily weather",
        "release": collected["release"],
        "cron": "* * * * *",
        "timezone": EARLIEST_ZONE,
        "parameters": {"day": "{{ due | date }}"},
    }
    with product.client("wanda") as client:
        schedule = client.post("/schedules", json=plan).raise_for_status().json()["id"]

        def over() -> dict[str, Any] | None:
            fires = client.get(f"/schedules/{schedule}/fires").raise_for_status().json()["items"]
            runs = [client.get(f"/runs/{fire['run']}").raise_for_status().json() for fire in fires if fire["run"]]
            return next((found for found in runs if found["ended"]), None)

        ended = until(over, FIRE_SECONDS, "the first fire's run over")
        client.delete(f"/schedules/{schedule}").raise_for_status()
    assert ended is not None
    assert ended["state"] == "succeeded", ended["error"]
    assert ended["schedule"] == schedule
    due = datetime.fromisoformat(ended["due"]).astimezone(ZoneInfo(EARLIEST_ZONE)).date()
    assert ended["parameters"] == {"day": due.isoformat()}
    [row] = rows(team(product, "raw", f"{due}.parquet"))
    assert date.fromisoformat(row["day"][:10]) == due


def test_a_colleague_uses_the_dashboard(product: Product, trained: dict[str, Any], context: BrowserContext) -> None:
    product.publish("wanda", WEATHER / "dashboard.ipynb", "observed", "--audience", "users")
    page = log_in(context, product, "bob", "/d/observed/")
    page.wait_for_url(f"{product.host('observed.apps')}/")
    expect(page.locator("#state")).to_have_text("Live", timeout=60_000)
    frame = page.frame_locator("#live")
    expect(chart(frame, "Daily high in 2015, smoothed over 14 days")).to_be_visible()
    frame.get_by_label("Year").select_option("2012")
    expect(chart(frame, "Daily high in 2012, smoothed over 14 days")).to_be_visible()
    frame.get_by_label("Measure").select_option("Wind")
    expect(chart(frame, "Wind in 2012, smoothed over 14 days")).to_be_visible()
    told = frame.get_by_text(re.compile(r"^Tomorrow:"))
    expect(told).to_have_text(re.compile(r"[\d.]+ °C$"))
    before = told.inner_text()
    handle = frame.get_by_role("slider").last
    handle.focus()
    for _ in range(4):
        handle.press("ArrowRight")
    expect(told).not_to_have_text(before)
    frame.get_by_role("button", name="Wind").click()
    expect(told).to_have_text(re.compile(r"[\d.]+ m/s$"))


def chart(frame: FrameLocator, words: str) -> Any:
    """The picture whose description begins so."""
    return frame.get_by_role("img", name=re.compile(rf"^{words}"))
