"""Pods of runs that end before their time: the run ends, or is tried again, and says why."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.kubernetes.cluster import RELEASE, Cluster
from tests.support.waiting import until

WAITS_ONCE = (
    "import os, time\nprint('attempt', os.environ['NOTEYARD_ATTEMPT'])",
    "if os.environ['NOTEYARD_ATTEMPT'] == '1':\n    time.sleep(900)",
)
BY_HAND = "The worker was told to end before the run was over"


def begin(cluster: Cluster, name: str, *cells: str, options: tuple[str, ...] = ()) -> str:
    """A run of bob's; its id."""
    notebook = cluster.write(f"{name}.ipynb", *cells)
    run: str = json.loads(cluster.yard("bob", "run", str(notebook), *options, "--json"))["id"]
    return run


def pod_of(cluster: Cluster, run: str) -> dict[str, Any]:
    """The running pod of the run's first attempt, once its notebook waits."""

    def waiting() -> dict[str, Any] | None:
        found = [pod for pod in cluster.pods(component="run") if pod["metadata"]["labels"]["noteyard/id"] == f"{run}.1"]
        there = found and cluster.sql(f"SELECT cells_done FROM runs WHERE id = '{run}'") == "1\n"
        return found[0] if there else None

    found = until(waiting, 180, f"the pod of {run}")
    assert found is not None
    return found


def first_attempt(cluster: Cluster, run: str) -> tuple[str, str]:
    """State and failure's message of the first attempt."""
    row = cluster.sql(f"SELECT state, error ->> 'message' FROM attempts WHERE run = '{run}' AND number = 1")
    state, _, message = row.strip().partition("|")
    return state, message


@contextmanager
def api_away(cluster: Cluster) -> Iterator[None]:
    """No API for as long as the block lasts; controller and database go on."""
    chosen = f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component=api"
    cluster.kubectl("scale", f"deploy/{RELEASE}-api", "--replicas=0")
    cluster.kubectl("wait", "--for=delete", "pod", "-l", chosen, "--timeout=90s")
    try:
        yield
    finally:
        cluster.kubectl("scale", f"deploy/{RELEASE}-api", "--replicas=2")
        cluster.kubectl("rollout", "status", f"deploy/{RELEASE}-api", "--timeout=120s")


def evict(cluster: Cluster, pod: str) -> None:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": cluster.users}}
    path = f"/api/v1/namespaces/{cluster.users}/pods/{pod}/eviction"
    cluster.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(body))


def delete_pod(cluster: Cluster, pod: str) -> None:
    cluster.kubectl("delete", "pod", pod, "--wait=false", namespace=cluster.users)


def delete_job(cluster: Cluster, pod: str) -> None:
    cluster.kubectl("delete", "job", pod.rpartition("-")[0], "--wait=false", namespace=cluster.users)


@pytest.mark.parametrize("end", [evict, delete_pod, delete_job])
def test_a_run_whose_pod_is_sent_away_saves_and_begins_again(
    cluster: Cluster, end: Callable[[Cluster, str], None]
) -> None:
    run = begin(cluster, end.__name__, *WAITS_ONCE)
    end(cluster, pod_of(cluster, run)["metadata"]["name"])
    ended = cluster.ended("bob", run, 240)
    assert (ended["state"], ended["attempt"], ended["error"]) == ("succeeded", 2, None)
    state, message = first_attempt(cluster, run)
    assert state == "interrupted"
    assert message.startswith(BY_HAND)


def test_a_run_whose_pod_is_gone_without_a_word_is_lost_and_tried_again(cluster: Cluster) -> None:
    run = begin(cluster, "vanishes", *WAITS_ONCE, options=("--retries", "1"))
    name = pod_of(cluster, run)["metadata"]["name"]
    # A worker that is asked to end would still say so, in the second that it has.
    with api_away(cluster):
        cluster.kubectl("delete", "pod", name, "--force", "--grace-period=0", namespace=cluster.users)
        until(lambda: first_attempt(cluster, run)[0] == "lost", 60, "the notice")
    assert cluster.ended("bob", run, 240)["state"] == "succeeded"
    assert first_attempt(cluster, run) == ("lost", "The worker vanished: its pod was deleted.")


def test_a_run_that_no_node_takes_fails_with_what_to_do(cluster: Cluster) -> None:
    if "rhea" not in cluster.sql("SELECT name FROM people").split():
        cluster.add("rhea", "trials")
    notebook = cluster.write("huge.ipynb", "print(1)")
    asked: str = json.loads(cluster.yard("rhea", "run", str(notebook), "--profile", "huge", "--json"))["id"]
    run = cluster.ended("rhea", asked, 240)
    assert run["state"] == "failed"
    assert run["error"]["message"].startswith("No node of the cluster can take it now: ")
    assert "Insufficient memory" in run["error"]["message"]
    assert run["error"]["hint"].startswith("Choose a profile that asks for less")


def test_a_run_that_uses_too_much_memory_says_so(cluster: Cluster) -> None:
    # The kernel ends the process that took the memory, or all of the pod, as the node is set up.
    cells = ("blocks = []\nfor _ in range(100):\n    blocks.append(bytearray(64 * 1024 * 1024))", "print('unreached')")
    run = cluster.ended("bob", begin(cluster, "hungry", *cells), 240)
    assert run["state"] in ("failed", "lost")
    assert "ran out of memory" in run["error"]["message"]
    assert run["error"]["hint"] == "Work on less data at once, or use a profile with more memory."


def test_a_run_that_fills_its_folder_is_evicted_and_says_so(cluster: Cluster) -> None:
    cells = ("open('large', 'wb').write(bytes(400 * 1024 * 1024))\nimport time\ntime.sleep(900)",)
    run = cluster.ended("bob", begin(cluster, "fills", *cells), 300)
    assert run["state"] == "lost"
    assert run["error"]["message"].startswith("The worker vanished: the cluster ended it (Evicted): ")
    assert "exceeds the limit" in run["error"]["message"]
    assert run["error"]["hint"].startswith("Write less into the run's own folders")


def test_nothing_of_ended_runs_is_left(cluster: Cluster) -> None:
    def left() -> str:
        what = "jobs,pods,secrets,services"
        return cluster.kubectl(
            "get", what, "-l", "app.kubernetes.io/component=run", "-o", "name", namespace=cluster.users
        )

    until(lambda: not left(), 120, "the end of all that runs had")
