"""A hub with thousands of labs against the same hub with one: what its API and the edge take for a request.

NOTEYARD_SIMULATED_LABS says how many; they are simulated (simulated_labs.py), hub, API, edge and database are real. The
installation has no network policies meanwhile: the pods share an address, which no enforcement of them expects.
"""

import base64
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from benchmarks.measuring import Row, percentile, seconds, timed
from benchmarks.simulated_labs import STAND_IN, names, rest, simulated_labs
from tests.kubernetes.cluster import RELEASE, Cluster
from tests.support.waiting import until

LABS = int(os.environ.get("NOTEYARD_SIMULATED_LABS", "3000"))
REQUESTS = 100
"""A round's requests of each kind."""
START_SECONDS = 900


def measure(cluster: Cluster, folder: Path, rounds: int) -> Iterator[Row]:
    del folder
    token = _hub_token(cluster)
    for space in (cluster.namespace, cluster.users):
        cluster.kubectl("delete", "networkpolicies", "--all", namespace=space)
    with httpx.Client(timeout=60) as http:
        rest(cluster, 0)
        with simulated_labs(cluster, 0):
            _back(cluster, http, token, 0)
            one = _ask(cluster, http, token, [STAND_IN], rounds)
        rest(cluster, 0)
        with simulated_labs(cluster, LABS):
            took = timed(lambda: _back(cluster, http, token, LABS))
            many = _ask(cluster, http, token, names(LABS), rounds)
    yield Row(f"Hub's start with {LABS:,} labs that run, until it knows them", "", seconds(took))
    for what in one:
        yield Row(f"{what}: one lab, and {LABS:,} labs (p50/p99)", _said(one[what]), _said(many[what]))


def _back(cluster: Cluster, http: httpx.Client, token: str, labs: int) -> None:
    rest(cluster, 1)
    people = [STAND_IN, *names(labs)]
    headers = {"Authorization": f"token {token}"}
    address = f"{cluster.url}/hub/api/users/{people[-1]}"
    until(lambda: http.get(address, headers=headers).json().get("servers"), START_SECONDS, "the last lab")
    until(lambda: _lab(cluster, http, people[-1]).status_code == 200, START_SECONDS, "the last lab's route")


def _ask(cluster: Cluster, http: httpx.Client, token: str, people: list[str], rounds: int) -> dict[str, list[float]]:
    headers = {"Authorization": f"token {token}"}
    kinds: dict[str, Callable[[str], httpx.Response]] = {
        "A request to a lab through the edge": lambda person: _lab(cluster, http, person),
        "The hub's API about a person": lambda person: http.get(
            f"{cluster.url}/hub/api/users/{person}", headers=headers
        ),
        "The hub's login page": lambda _: http.get(f"{cluster.url}/hub/login"),
    }
    found: dict[str, list[float]] = {what: [] for what in kinds}
    for turn in range(rounds):
        for what, ask in kinds.items():
            for number in range(REQUESTS):
                person = people[(turn * REQUESTS + number) * 31 % len(people)]
                began = time.perf_counter()
                ask(person).raise_for_status()
                found[what].append(time.perf_counter() - began)
    return found


def _lab(cluster: Cluster, http: httpx.Client, person: str) -> httpx.Response:
    port = cluster.url.rpartition(":")[2]
    address = f"http://127.0.0.1:{port}/user/{person}/api"
    return http.get(address, headers={"Host": f"{person}.localhost:{port}"})


def _hub_token(cluster: Cluster) -> str:
    said = cluster.kubectl("get", "secret", f"{RELEASE}-secrets", "-o", "jsonpath={.data.hub-api}")
    return base64.b64decode(said).decode()


def _said(took: list[float]) -> str:
    return f"{seconds(percentile(took, 50))} / {seconds(percentile(took, 99))}"
