"""A trivial parameterised notebook: papermill's command against a run, from the request to the result."""

import os
import subprocess
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import httpx

from benchmarks.measuring import Row, in_turn, seconds, timed
from tests.support.product import ENDED, LAB, Product

CELLS = ("print('n is', n)", "total = sum(range(n))\ntotal")
LOOK_SECONDS = 0.05


def measure(product: Product, folder: Path, rounds: int) -> Iterator[Row]:
    notebook = product.write("trivial.ipynb", *CELLS, parameters="n: int = 1")
    person = product.add("runner")
    number = count(1)
    product.yard(person, "run", str(notebook), "-p", "n=1", "--wait")
    with product.client(person) as client:
        release = client.get("/runs").raise_for_status().json()["items"][0]["release"]

        def theirs() -> float:
            return timed(lambda: _papermill(notebook, folder / "output.ipynb", next(number)))

        def ours() -> float:
            return timed(lambda: _run(client, release, next(number)))

        pair = in_turn(rounds, theirs, ours)
    yield pair.row("Parameterised run, request to result (papermill's command)", "at most 1.0x", seconds)


def _papermill(notebook: Path, output: Path, n: int) -> None:
    command: list[str | Path] = [LAB / "papermill", notebook, output, "-p", "n", str(n), "--no-progress-bar"]
    # The kernel is the environment's own, as for a run.
    path = f"{LAB}:{os.environ['PATH']}"
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PATH": path}, timeout=120)


def _run(client: httpx.Client, release: str, n: int) -> None:
    made = client.post("/runs", json={"release": release, "parameters": {"n": n}}).raise_for_status().json()
    deadline = time.monotonic() + 120
    while (model := client.get(f"/runs/{made['id']}").raise_for_status().json())["state"] not in ENDED:
        if time.monotonic() > deadline:
            raise TimeoutError(f"run {made['id']} was not over in time")
        time.sleep(LOOK_SECONDS)
    if model["state"] != "succeeded":
        raise RuntimeError(f"run {made['id']} {model['state']}: {model['error']}")
