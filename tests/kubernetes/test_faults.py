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
from tests.kubernetes.lab_person import person
from tests.kubernetes.minio_users import minio
from tests.support.unharmed import CELLS, PARAMETERS, Load
from tests.support.waiting import until

ROUNDS = int(os.environ.get("NOTEYARD_FAULT_ROUNDS", "1"))
SEED = int(os.environ.get("NOTEYARD_FAULT_SEED", "20261125"))
SCHEDULES = 2
OUTAGE_SECONDS = 12.0
PARTS = ("hub", "api", "controller")
PEOPLES = ("lab", "run", "dashboard")
DRIVER, SIDECAR = "s3-mount", "S3 sidecar"
DRIVERS = f"{RELEASE}-{DRIVER}"
"""Namespace and name of the driver's DaemonSet."""
KEPT = "kept"
"""Whose lab is there all the while: of its pod, only the sidecar is killed."""
KINDS = [
    *(("deleted", component) for component in (*PARTS, "edge", DRIVER, *PEOPLES)),
    *(("killed", part) for part in (*PARTS, "edge", DRIVER, SIDECAR)),
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
END_FIRST = f"{KILL_ALL}os.kill(1, signal.SIGTERM)\n"
"""Where the first process goes on without the others, it is told to end; nobody inside can kill it."""
MOUNTED = """
import os, pathlib, re
kept = pathlib.Path(os.environ["NOTEYARD_KUBELET"]) / "plugins" / os.environ["NOTEYARD_DRIVER"] / "volumes"
mounts = pathlib.Path("/proc/self/mountinfo").read_text()
told = [path.read_text() for path in kept.iterdir()]
target = "/pods/([0-9a-f-]{36})/volumes/kubernetes.io~csi/"
print(*{uid for text in (mounts, *told) for uid in re.findall(target, text)})
"""
"""Prints the pods whose volumes a driver has mounted, or keeps in mind."""
IN_PYTHON, IN_SHELL = ("python", "-P", "-c"), ("sh", "-c")
INSIDE = {
    **{part: (part, *IN_PYTHON, KILL_ALL) for part in PARTS},
    # Programs in Go end at once by this signal.
    "edge": ("edge", *IN_SHELL, "kill -QUIT 1"),
    DRIVER: ("driver", *IN_PYTHON, END_FIRST),
    SIDECAR: ("s3-mount", *IN_PYTHON, END_FIRST),
}
"""Containers, and what ends them from inside."""

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600 * ROUNDS + 900)]


class Faults:
    """Does them, and counts what it did."""

    def __init__(self, cluster: Cluster, chance: random.Random, kept: str) -> None:
        self.cluster = cluster
        self.chance = chance
        self.kept = kept
        self.done: dict[str, int] = {}

    def one(self, how: str, hit: str) -> None:
        """One fault of this kind."""
        if {"deleted": self._delete, "killed": self._kill, "cut off": self._cut_off}[how](hit):
            self.done[f"{hit} {how}"] = self.done.get(f"{hit} {how}", 0) + 1

    def _delete(self, component: str) -> bool:
        namespace = self._namespace(component)
        pods = [pod for pod in self._pods(namespace, component) if pod != self.kept]
        if not pods:
            return False
        # Half of them in good order, the others as when a node is given up.
        hard = ["--force", "--grace-period=0"] if self.chance.random() < 0.5 else []
        return _try("-n", namespace, "delete", "pod", self.chance.choice(pods), "--wait=false", *hard)

    def _kill(self, part: str) -> bool:
        namespace = self._namespace(part)
        pods = [self.kept] if part == SIDECAR else self._pods(namespace, part)
        container, *command = INSIDE[part]
        return bool(pods) and _try("-n", namespace, "exec", self.chance.choice(pods), "-c", container, "--", *command)

    def _namespace(self, hit: str) -> str:
        if hit == DRIVER:
            return DRIVERS
        return self.cluster.users if hit in (*PEOPLES, SIDECAR) else self.cluster.namespace

    def _cut_off(self, backing: str) -> bool:
        with _nobody_reaches(self.cluster, backing):
            # Connections that are open already end with the container. PostgreSQL would wait for them after a SIGTERM.
            _try("-n", self.cluster.namespace, "exec", f"deploy/{backing}", "--", "sh", "-c", "kill -QUIT 1")
            let_pass(OUTAGE_SECONDS)
        return True

    def _pods(self, namespace: str, component: str) -> list[str]:
        chosen = f"app.kubernetes.io/component={component}"
        found = self.cluster.kubectl("get", "pods", "-l", chosen, "-o", "json", namespace=namespace)
        return [
            pod["metadata"]["name"]
            for pod in json.loads(found)["items"]
            if "deletionTimestamp" not in pod["metadata"] and pod["status"].get("phase") in ("Running", "Pending")
        ]


def test_nothing_is_lost_or_doubled_and_everything_heals(cluster: Cluster, chrome: Browser) -> None:
    keeper = person(cluster, KEPT, "trials")
    keeper.lab(profile="second")
    before = keeper.pod()
    assert before is not None
    write_by_path(cluster, KEPT, "before")
    faults = Faults(cluster, random.Random(SEED), before["metadata"]["name"])
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
    _mounts_are_whole(cluster)
    after = keeper.pod()
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert [one["restartCount"] for one in after["status"]["containerStatuses"]] == [0], "the lab itself went on"
    assert [one["restartCount"] for one in after["status"]["initContainerStatuses"]] != [0]
    write_by_path(cluster, KEPT, "after")
    assert read_by_path(cluster, KEPT, "before") == "before"
    keeper.stop()


def _is_healed(cluster: Cluster) -> str:
    """The dashboard's id, once every part and the dashboard are up."""
    for part in ("hub", "api", "controller", "edge"):
        cluster.kubectl("rollout", "status", f"deploy/{RELEASE}-{part}", "--timeout=170s")
    with cluster.client("ada") as client:
        client.post("/dashboards/always/wake")
    return str(cluster.dashboard("ada", "always", "ready", seconds=180)["id"])


def write_by_path(cluster: Cluster, name: str, text: str) -> None:
    """A file of the team's folder, written in the person's lab by its path, until the S3 server has it."""
    script = f"open('/home/jovyan/s3/team/faults-{text}.txt', 'w').write({text!r})"
    # Folders may be healing from the fault before.
    until(lambda: _python(cluster, name, script) is not None, 120, f"s3/team in the lab of {name}")
    with minio(RELEASE) as server:

        def stored() -> bool:
            found = server.list_objects(bucket_name="team-data", prefix=f"faults-{text}.txt")
            return [one.size for one in found] == [len(text)]

        until(stored, 120, f"what was written by path ({text}) in S3")


def read_by_path(cluster: Cluster, name: str, text: str) -> str | None:
    """The content of such a file, read in the person's lab."""
    return _python(cluster, name, f"print(open('/home/jovyan/s3/team/faults-{text}.txt').read(), end='')")


def _python(cluster: Cluster, name: str, script: str) -> str | None:
    """What a script prints in the lab of a person; None when it fails."""
    command = ["kubectl", "-n", cluster.users, "exec", f"lab-{name}", "-c", "notebook", "--", "python", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.stdout if done.returncode == 0 else None


def _mounts_are_whole(cluster: Cluster) -> None:
    """A driver on each node is registered, and has mounts of no pod but those that are there."""
    cluster.kubectl("rollout", "status", f"daemonset/{DRIVERS}", "--timeout=170s", namespace=DRIVERS)
    state = json.loads(cluster.kubectl("get", f"daemonset/{DRIVERS}", "-o", "json", namespace=DRIVERS))["status"]
    assert state["numberReady"] == state["desiredNumberScheduled"] > 0

    def strays() -> set[str]:
        everybodys = json.loads(cluster.kubectl("get", "pods", "--all-namespaces", "-o", "json"))["items"]
        drivers = cluster.kubectl("get", "pods", "-o", "name", namespace=DRIVERS).split()
        mounted = [cluster.kubectl("exec", pod, "--", *IN_PYTHON, MOUNTED, namespace=DRIVERS) for pod in drivers]
        return set("\n".join(mounted).split()) - {pod["metadata"]["uid"] for pod in everybodys}

    until(lambda: not strays(), 120, "the end of mounts of pods that are gone")


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
