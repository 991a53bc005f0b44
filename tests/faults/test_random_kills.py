"""Real processes killed at random under load: every due time has exactly one run, no run is lost, no output missing."""

import json
import os
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import psutil
import pytest

from tests.support.product import ENDED, Product, product
from tests.support.waiting import until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1500)]

ROUNDS = int(os.environ.get("NOTEYARD_FAULT_ROUNDS", "40"))
SEED = int(os.environ.get("NOTEYARD_FAULT_SEED", "20261122"))
SCHEDULES = 6
TARGETS = {
    "controller": ("noteyard.controller",),
    "api": ("noteyard.api.app:create",),
    "hub": ("jupyterhub", "jupyterhub_config.py"),
    "edge": ("traefik", "--configFile"),
    "s3": ("rclone", "serve"),
    "worker": ("noteyard_lab.worker",),
    "kernel": ("ipykernel_launcher",),
    "dashboard": ("noteyard_lab.dashboard",),
}
CELLS = ("import time\nfor i in range(5):\n    time.sleep(0.2)\n    print(i)", "print('done', day)")


@pytest.fixture
def loaded(tmp_path: Path) -> Iterator[Product]:
    settings = {
        "runs": {"concurrent": 6, "concurrent_per_person": 6, "retry_base_seconds": 0.5, "retry_cap_seconds": 2},
        "session_hours": 1,
    }
    with product(tmp_path / "ny", **settings) as made:
        made.add("ada")
        yield made


def test_nothing_is_lost_or_doubled_whatever_is_killed(loaded: Product) -> None:
    chance = random.Random(SEED)
    notebook = loaded.write("load.ipynb", *CELLS, parameters="from datetime import date\nday: date = date(2026, 1, 1)")
    loaded.publish("ada", notebook, "always", "--audience", "me")
    release = json.loads(loaded.yard("ada", "run", str(notebook), "--json", "--wait"))["release"]
    schedules = [_schedule(loaded, release, number) for number in range(SCHEDULES)]
    asked: list[str] = []
    killed: dict[str, int] = {}
    for _ in range(ROUNDS):
        name = _kill_one(loaded, chance)
        if name is not None:
            killed[name] = killed.get(name, 0) + 1
        run = _ask(loaded, release)
        if run is not None:
            asked.append(run)
        _let_pass(chance.uniform(0.5, 2.5))
    print("killed:", killed)
    assert sum(killed.values()) > ROUNDS * 0.7
    until(lambda: _fewest_fires(loaded, schedules) > 2, 300, "three fires of each schedule")
    _settle(loaded, schedules)
    _compare(loaded, schedules, asked)
    loaded.dashboard("ada", "always", "ready", seconds=120)


def _schedule(product: Product, release: str, number: int) -> str:
    body = {
        "name": f"minute {number}",
        "release": release,
        "cron": "* * * * *",
        "timezone": "UTC",
        "parameters": {"day": "{{ due | date }}"},
        "overlap": "allow",
        "catch_up": "all",
        "retries": 20,
    }
    with product.client("ada") as client:
        id: str = client.post("/schedules", json=body).raise_for_status().json()["id"]
        return id


def _kill_one(product: Product, chance: random.Random) -> str | None:
    """SIGKILL a random process of the installation; its kind, or None when there was none of the kind."""
    kind = chance.choice(list(TARGETS))
    found = [process for process in _processes(product) if all(word in " ".join(process[1]) for word in TARGETS[kind])]
    if not found:
        return None
    os.kill(chance.choice(found)[0], signal.SIGKILL)
    return kind


def _processes(product: Product) -> list[tuple[int, list[str]]]:
    """Processes that belong to this installation alone, by the state folder in their environment or arguments."""
    state = str(product.state)
    ours = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        words = process.info["cmdline"] or []
        try:
            belongs = any(state in word for word in words) or process.environ().get("NOTEYARD_INSTANCE") == state
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            # Workers can't be looked into; their working folder is below the state folder.
            belongs = _works_in(process, state)
        if belongs:
            ours.append((process.info["pid"], words))
    return ours


def _works_in(process: psutil.Process, folder: str) -> bool:
    try:
        return process.cwd().startswith(folder)
    except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def _ask(product: Product, release: str) -> str | None:
    """Ask for a run; None when the installation does not answer just now."""
    try:
        with product.client("ada") as client:
            answer = client.post("/runs", json={"release": release, "retries": 20}, timeout=5)
    except httpx.HTTPError:
        return None
    return answer.json()["id"] if answer.status_code == 201 else None


def _let_pass(seconds: float) -> None:
    time.sleep(seconds)


def _rows(product: Product, query: str) -> list[tuple[str, ...]]:
    with sqlite3.connect(f"file:{product.state}/db/noteyard.sqlite?mode=ro", uri=True, timeout=30) as connection:
        return list(connection.execute(query))


def _fewest_fires(product: Product, schedules: list[str]) -> int:
    return min(int(_rows(product, f"SELECT count(*) FROM fires WHERE schedule = '{id}'")[0][0]) for id in schedules)


def _settle(product: Product, schedules: list[str]) -> None:
    """Pause the schedules and wait until every run is over."""
    for id in schedules:
        until(lambda id=id: _paused(product, id), 120, f"schedule {id} paused")
    query = f"SELECT count(*) FROM runs WHERE state NOT IN ({', '.join(repr(state) for state in sorted(ENDED))})"
    until(lambda: _rows(product, query) == [(0,)], 600, "all runs over")


def _paused(product: Product, id: str) -> bool:
    try:
        with product.client("ada") as client:
            return client.post(f"/schedules/{id}/pause", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def _compare(product: Product, schedules: list[str], asked: list[str]) -> None:
    runs = {row[0]: row for row in _rows(product, "SELECT id, state, schedule, due, attempt FROM runs")}
    assert {id for id in asked if id not in runs} == set(), "runs that were answered for are there"
    assert {row[1] for row in runs.values()} == {"succeeded"}, [row for row in runs.values() if row[1] != "succeeded"]
    for id in schedules:
        fires = _rows(product, f"SELECT due, state, run FROM fires WHERE schedule = '{id}' ORDER BY due")
        dues = [datetime.fromisoformat(row[0]) for row in fires]
        assert len(dues) >= 1
        gaps = {later - earlier for earlier, later in pairwise(dues)}
        assert gaps <= {timedelta(minutes=1)}, f"due times are missing: {dues}"
        assert {row[1] for row in fires} == {"fired"}
        of_schedule = [run for run in runs.values() if run[2] == id]
        assert sorted(run[3] for run in of_schedule) == [row[0] for row in fires], "one run a due time"
    claimed_twice = _rows(
        product, "SELECT run, number FROM attempts WHERE outcome = 'succeeded' GROUP BY run HAVING count(*) > 1"
    )
    assert claimed_twice == []
    for id, row in runs.items():
        for name in ("notebook.ipynb", "notebook.html"):
            folder = product.state / "objects" / "runs" / id / str(row[4])
            assert (folder / name).stat().st_size > 0, f"{id} has no {name}"
