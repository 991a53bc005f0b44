"""Pods deleted, containers killed, PostgreSQL and S3 cut off, at random under load: nothing is lost or doubled.

NOTEYARD_FAULT_ROUNDS says how many rounds of some minutes; NOTEYARD_FAULT_SEED which dice are thrown.
"""

import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser

from tests.browser.test_login_lab import open_lab
from tests.kubernetes.cluster import RELEASE, Cluster
from tests.support.unharmed import CELLS, PARAMETERS, Load
from tests.support.waiting import until

ROUNDS = int(os.environ.get("NOTEYARD_FAULT_ROUNDS", "1"))
SEED = int(os.environ.get("NOTEYARD_FAULT_SEED", "20261125"))
SCHEDULES = 2
OUTAGE_SECONDS = 12.0
PARTS = ("hub", "api", "controller")
PEOPLES = ("lab", "run", "dashboard")
DRIVER = "s3-mount"
KINDS = [
    *(("deleted", component) for component in (*PARTS, "edge", DRIVER, *PEOPLES)),
    *(("killed", part) for part in PARTS),
    *(("cut off", backing) for backing in ("postgres", "minio")),
]
"""What is done to what: all of it in a round, in any order."""
KILL_ALL = (
    "import os, signal\n"
    "for name in os.listdir('/proc'):\n"
    "    if name.isdigit() and int(name) not in (1, os.getpid()):\n"
    "        os.kill(int(name), signal.SIGKILL)\n"
)
"""Ends all but a container's first process, which ends then too: the kubelet starts the container again."""

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600 * ROUNDS + 900)]


class Faults:
    """Does them, and counts what it did."""

    def __init__(self, cluster: Cluster, chance: random.Random) -> None:
        self.cluster = cluster
        self.chance = chance
        self.done: dict[str, int] = {}

    def one(self, how: str, hit: str) -> None:
        """One fault of this kind."""
        if {"deleted": self._delete, "killed": self._kill, "cut off": self._cut_off}[how](hit):
            self.done[f"{hit} {how}"] = self.done.get(f"{hit} {how}", 0) + 1

    def _delete(self, component: str) -> bool:
        own = f"{RELEASE}-{DRIVER}" if component == DRIVER else self.cluster.namespace
        namespace = self.cluster.users if component in PEOPLES else own
        pods = self._pods(namespace, f"app.kubernetes.io/component={component}")
        if not pods:
            return False
        # Half of them in good order, the others as when a node is given up.
        hard = ["--force", "--grace-period=0"] if self.chance.random() < 0.5 else []
        return _try("-n", namespace, "delete", "pod", self.chance.choice(pods), "--wait=false", *hard)

    def _kill(self, part: str) -> bool:
        pods = self._pods(self.cluster.namespace, f"app.kubernetes.io/component={part}")
        inside = ["-n", self.cluster.namespace, "exec"]
        return bool(pods) and _try(*inside, self.chance.choice(pods), "-c", part, "--", "python", "-c", KILL_ALL)

    def _cut_off(self, backing: str) -> bool:
        with _nobody_reaches(self.cluster, backing):
            # Connections that are open already end with the container. PostgreSQL would wait for them after a SIGTERM.
            _try("-n", self.cluster.namespace, "exec", f"deploy/{backing}", "--", "sh", "-c", "kill -QUIT 1")
            let_pass(OUTAGE_SECONDS)
        return True

    def _pods(self, namespace: str, chosen: str) -> list[str]:
        found = self.cluster.kubectl("get", "pods", "-l", chosen, "-o", "json", namespace=namespace)
        return [
            pod["metadata"]["name"]
            for pod in json.loads(found)["items"]
            if "deletionTimestamp" not in pod["metadata"] and pod["status"].get("phase") in ("Running", "Pending")
        ]


def test_nothing_is_lost_or_doubled_and_everything_heals(cluster: Cluster, chrome: Browser) -> None:
    faults = Faults(cluster, random.Random(SEED))
    load = Load(cluster, cluster.rows, cluster.stored)
    notebook = cluster.write("load.ipynb", *CELLS, parameters=PARAMETERS)
    cluster.publish("ada", notebook, "always", "--audience", "public")
    context = chrome.new_context()
    open_lab(context, cluster, "ada")
    context.close()
    load.begin(notebook, SCHEDULES)
    for _ in range(ROUNDS):
        for how, hit in faults.chance.sample(KINDS, len(KINDS)):
            faults.one(how, hit)
            load.ask()
            let_pass(faults.chance.uniform(1, 6))
    print("faults:", faults.done, "asked:", len(load.asked))
    assert sum(faults.done.values()) > ROUNDS * len(KINDS) / 2
    load.has_fired(2, 300)
    load.settle()
    load.compare()
    _nothing_strays(cluster, _is_healed(cluster))


def _is_healed(cluster: Cluster) -> str:
    """The dashboard's id, once every part and the dashboard are up."""
    for part in ("hub", "api", "controller", "edge"):
        cluster.kubectl("rollout", "status", f"deploy/{RELEASE}-{part}", "--timeout=170s")
    with cluster.client("ada") as client:
        client.post("/dashboards/always/wake")
    return str(cluster.dashboard("ada", "always", "ready", seconds=180)["id"])


def _nothing_strays(cluster: Cluster, dashboard: str) -> None:
    """Of runs nothing is left, and of the dashboard one Deployment with its Service and Secret."""

    def left(component: str, what: str) -> list[str]:
        chosen = f"app.kubernetes.io/component={component}"
        return cluster.kubectl("get", what, "-l", chosen, "-o", "name", namespace=cluster.users).split()

    def of_dashboard(what: str) -> list[str]:
        # An installation that other tests use has dashboards of theirs.
        return [name for name in left("dashboard", what) if dashboard in name]

    until(lambda: not left("run", "jobs,pods,secrets"), 120, "the end of all that runs had")
    for what in ("deployments", "services", "secrets", "pods"):
        until(lambda what=what: len(of_dashboard(what)) == 1, 120, f"one of {what} of the dashboard")


@contextmanager
def _nobody_reaches(cluster: Cluster, backing: str) -> Iterator[None]:
    policy = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"no-{backing}"},
        "spec": {"podSelector": {"matchLabels": {"app": backing}}, "policyTypes": ["Ingress"], "ingress": []},
    }
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(policy))
    try:
        yield
    finally:
        cluster.kubectl("delete", "networkpolicy", f"no-{backing}")


def _try(*words: str) -> bool:
    """Whether kubectl could do it: what it was to hit may be gone by now."""
    done = subprocess.run(["kubectl", *words], capture_output=True, text=True, timeout=120, check=False)
    return done.returncode == 0 or "exec" in words


def let_pass(seconds: float) -> None:
    time.sleep(seconds)
