"""Real processes killed at random under load: every due time has exactly one run, no run is lost, no output missing."""

import os
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.product import Product, product
from tests.support.unharmed import CELLS, PARAMETERS, Load, as_text

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
    load = _load(loaded)
    notebook = loaded.write("load.ipynb", *CELLS, parameters=PARAMETERS)
    loaded.publish("ada", notebook, "always", "--audience", "me")
    load.begin(notebook, SCHEDULES)
    killed: dict[str, int] = {}
    for _ in range(ROUNDS):
        name = _kill_one(loaded, chance)
        if name is not None:
            killed[name] = killed.get(name, 0) + 1
        load.ask()
        _let_pass(chance.uniform(0.5, 2.5))
    print("killed:", killed)
    assert sum(killed.values()) > ROUNDS * 0.7
    load.has_fired(3, 300)
    load.settle()
    load.compare()
    loaded.dashboard("ada", "always", "ready", seconds=120)


def _kill_one(product: Product, chance: random.Random) -> str | None:
    """SIGKILL a random process of a random kind that is there; its kind, or None when nothing is there at all."""
    processes = _processes(product)
    for kind in chance.sample(list(TARGETS), len(TARGETS)):
        found = [pid for pid, words in processes if all(word in " ".join(words) for word in TARGETS[kind])]
        if found:
            os.kill(chance.choice(found), signal.SIGKILL)
            return kind
    return None


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


def _let_pass(seconds: float) -> None:
    time.sleep(seconds)


def _load(product: Product) -> Load:
    def rows(query: str) -> list[tuple[str, ...]]:
        with sqlite3.connect(f"file:{product.state}/db/noteyard.sqlite?mode=ro", uri=True, timeout=30) as connection:
            return [as_text(row) for row in connection.execute(query)]

    def stored() -> set[tuple[str, str, str]]:
        folder = product.state / "objects" / "runs"
        files = [path for path in folder.glob("*/*/*") if path.stat().st_size > 0]
        return {(path.parts[-3], path.parts[-2], path.name) for path in files}

    return Load(product, rows, stored)
