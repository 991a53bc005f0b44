"""Who reaches whom: each rule by a connection that is refused and one that works, made from inside real pods.

Two pods of the users' namespace look like ada's lab and bob's: the policies go by labels. A third is in Noteyard's own
namespace and is none of its parts.
"""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.kubernetes.addresses import METADATA, listening_at
from tests.kubernetes.cluster import RELEASE, ROOT, Cluster, helm, node_address
from tests.kubernetes.login import machine_address
from tests.support.waiting import until

LISTENER = """
import socket, threading
def serve(port):
    with socket.create_server(("0.0.0.0", port)) as listening:
        while True:
            listening.accept()[0].close()
for port in (8888, 8866, 8000, 8081):
    threading.Thread(target=serve, args=(port,)).start()
"""
OUTSIDE, FORBIDDEN = "198.51.100.7", "203.0.113.7"
"""Public addresses, of networks that are for documentation."""
PRIVATE = ("100.64.255.7", "172.31.255.7", "192.168.255.7")
CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), 10).close()
    print("connected")
except socket.gaierror:
    print("unknown name")
except OSError:  # refused, no route, or silence: each plug-in refuses in its own way
    print("refused")
"""


def pod(name: str, component: str, python: str) -> dict[str, Any]:
    """A pod within Pod Security `restricted` that listens where labs and dashboards do."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/instance": RELEASE, "app.kubernetes.io/component": component},
        },
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "securityContext": {"runAsUser": 1000, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "main",
                    "image": python,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", "-c", LISTENER],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    "readinessProbe": {"tcpSocket": {"port": 8888}, "periodSeconds": 1},
                    "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "128Mi"}},
                }
            ],
        },
    }


class Network:
    """The pods, by name: their addresses, and connections from one to another."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.where = {
            "ada": cluster.users,
            "bob": cluster.users,
            "dashboard": cluster.users,
            "run": cluster.users,
            "outsider": cluster.namespace,
        }
        self.component = {"ada": "lab", "bob": "lab", "dashboard": "dashboard", "run": "run", "outsider": "outsider"}

    def make(self) -> None:
        image = json.loads(self.cluster.kubectl("get", f"deploy/{RELEASE}-hub", "-o", "json"))["spec"]["template"][
            "spec"
        ]["containers"][0]["image"]
        for name, space in self.where.items():
            made = pod(f"net-{name}", self.component[name], image)
            self.cluster.kubectl("apply", "-f", "-", stdin=json.dumps(made), namespace=space)
        for name, space in self.where.items():
            self.cluster.kubectl("wait", "--for=condition=Ready", f"pod/net-{name}", "--timeout=170s", namespace=space)

    def remove(self) -> None:
        for name, space in self.where.items():
            self.cluster.kubectl("delete", "pod", f"net-{name}", "--wait=false", "--ignore-not-found", namespace=space)

    def address(self, name: str) -> str:
        path = "jsonpath={.status.podIP}"
        return self.cluster.kubectl("get", "pod", f"net-{name}", "-o", path, namespace=self.where[name])

    def from_pod(self, name: str, host: str, port: int) -> str:
        """`connected` or `refused`."""
        inside = ["exec", f"net-{name}", "--", "python", "-c", CONNECT, host, str(port)]
        return self.cluster.kubectl(*inside, namespace=self.where[name]).strip()

    def from_part(self, part: str, host: str, port: int) -> str:
        """The same from a pod of Noteyard's own."""
        inside = ["exec", f"deploy/{RELEASE}-{part}", "-c", part, "--", "python", "-P", "-c", CONNECT, host, str(port)]
        return self.cluster.kubectl(*inside).strip()

    def part(self, name: str) -> str:
        """Name of one of Noteyard's Services."""
        return f"{RELEASE}-{name}.{self.cluster.namespace}"

    def part_address(self, name: str) -> str:
        """Address of a pod of one of Noteyard's parts."""
        chosen = f"app.kubernetes.io/instance={RELEASE},app.kubernetes.io/component={name}"
        path = "jsonpath={.items[0].status.podIP}"
        return self.cluster.kubectl("get", "pods", "-l", chosen, "-o", path)


@pytest.fixture(scope="module")
def net(cluster: Cluster) -> Iterator[Network]:
    made = Network(cluster)
    try:
        made.make()
        yield made
    finally:
        made.remove()


def test_a_lab_is_reached_by_the_hub_and_by_nobody_elses_pod(net: Network) -> None:
    ada = net.address("ada")
    assert net.from_part("hub", ada, 8888) == "connected"
    assert net.from_pod("bob", ada, 8888) == "refused"
    assert net.from_pod("dashboard", ada, 8888) == "refused"
    assert net.from_pod("outsider", ada, 8888) == "refused"
    assert net.from_part("api", ada, 8888) == "refused"
    # Another port of a lab is nobody's, the hub's neither.
    assert net.from_part("hub", ada, 8000) == "refused"


def test_a_dashboard_is_reached_by_no_lab_and_not_by_the_hub(net: Network) -> None:
    dashboard = net.address("dashboard")
    assert net.from_pod("ada", dashboard, 8866) == "refused"
    assert net.from_part("hub", dashboard, 8866) == "refused"


def test_a_run_is_reached_by_nobody(net: Network) -> None:
    run = net.address("run")
    assert net.from_pod("ada", run, 8888) == "refused"
    assert net.from_part("hub", run, 8888) == "refused"


def test_peoples_pods_reach_the_api_and_labs_alone_the_hub(net: Network) -> None:
    # By name: names are looked up, too.
    for name in ("ada", "dashboard", "run"):
        assert net.from_pod(name, net.part("api"), 8000) == "connected", name
    assert net.from_pod("ada", net.part("hub"), 8081) == "connected"
    for name in ("dashboard", "run"):
        assert net.from_pod(name, net.part("hub"), 8081) == "refused", name


def test_peoples_pods_reach_no_other_part_and_no_database(net: Network) -> None:
    for part, port in (("controller", 8001), ("edge", 8081), ("edge", 8080)):
        assert net.from_pod("ada", net.part_address(part), port) == "refused", (part, port)
    assert net.from_part("api", "postgres", 5432) == "connected"
    assert net.from_pod("ada", f"postgres.{net.cluster.namespace}", 5432) == "refused"


def test_peoples_pods_reach_neither_kubernetes_nor_its_nodes(net: Network) -> None:
    assert net.from_part("hub", "kubernetes.default", 443) == "connected"
    assert net.from_pod("ada", "kubernetes.default", 443) == "refused"
    node = net.cluster.kubectl("get", "nodes", "-o", "jsonpath={.items[0].status.addresses[0].address}")
    for port in (10250, 6443):
        assert net.from_pod("ada", node, port) == "refused"


def test_the_clouds_metadata_is_out_of_reach(net: Network) -> None:
    with listening_at(net.cluster, METADATA):
        assert net.from_pod("outsider", METADATA, 80) == "connected"
        assert net.from_pod("ada", METADATA, 80) == "refused"
        assert net.from_pod("run", METADATA, 80) == "refused"


def test_noteyards_parts_are_reached_by_those_that_need_them(net: Network) -> None:
    assert net.from_part("hub", net.part("api"), 8000) == "connected"
    assert net.from_pod("outsider", net.part("api"), 8000) == "refused"
    assert net.from_part("api", net.part("hub"), 8081) == "connected"
    assert net.from_pod("outsider", net.part("hub"), 8081) == "refused"
    controller = net.part_address("controller")
    assert net.from_pod("outsider", controller, 8001) == "refused"
    edge = net.part_address("edge")
    assert net.from_part("hub", edge, 8081) == "connected"
    assert net.from_pod("outsider", edge, 8081) == "refused"
    assert net.from_pod("outsider", edge, 8080) == "connected"


@pytest.fixture(scope="module")
def internet(net: Network) -> Iterator[None]:
    """The chart's `users.internet`, with one network that `users.forbid` names; nothing else is changed by it."""
    change = ["--reuse-values", "--set", "users.internet=true", "--set", f"users.forbid={{{FORBIDDEN}/32}}"]
    with listening_at(net.cluster, OUTSIDE, FORBIDDEN, METADATA, *PRIVATE):
        for address in (OUTSIDE, FORBIDDEN, METADATA, *PRIVATE):
            assert net.from_pod("outsider", address, 80) == "connected", address
        assert net.from_pod("ada", OUTSIDE, 80) == "refused"
        helm("upgrade", RELEASE, str(ROOT / "helm" / "noteyard"), *change, "--wait", "--timeout=5m")
        try:
            until(lambda: net.from_pod("ada", OUTSIDE, 80) == "connected", 60, "the new policy to be in force")
            yield
        finally:
            helm("rollback", RELEASE, "--wait", "--timeout=5m")


@pytest.mark.usefixtures("internet")
def test_with_the_internet_peoples_pods_reach_public_addresses_that_nobody_forbids(net: Network) -> None:
    for name in ("ada", "dashboard", "run"):
        assert net.from_pod(name, OUTSIDE, 80) == "connected", name
        assert net.from_pod(name, FORBIDDEN, 80) == "refused", name


@pytest.mark.usefixtures("internet")
def test_with_the_internet_private_networks_and_metadata_stay_shut(net: Network) -> None:
    for address in (METADATA, *PRIVATE):
        assert net.from_pod("ada", address, 80) == "refused", address
        assert net.from_pod("run", address, 80) == "refused", address
    with _listening_here() as port:
        assert net.from_pod("outsider", machine_address(), port) == "connected"
        assert net.from_pod("ada", machine_address(), port) == "refused"


@pytest.mark.usefixtures("internet")
def test_with_the_internet_peoples_pods_reach_nothing_more_of_the_cluster(net: Network) -> None:
    for name, port in (("bob", 8888), ("dashboard", 8866), ("run", 8888), ("outsider", 8000)):
        assert net.from_pod("ada", net.address(name), port) == "refused", name
    assert net.from_pod("ada", "kubernetes.default", 443) == "refused"
    node = node_address()
    for port in (10250, 6443):
        assert net.from_pod("ada", node, port) == "refused", port
    for part, port in (("controller", 8001), ("edge", 8081), ("edge", 8080)):
        assert net.from_pod("ada", net.part_address(part), port) == "refused", (part, port)
    assert net.from_pod("ada", f"postgres.{net.cluster.namespace}", 5432) == "refused"
    # What they reached before, they still do.
    assert net.from_pod("ada", net.part("api"), 8000) == "connected"
    assert net.from_pod("ada", net.part("hub"), 8081) == "connected"
    assert net.from_pod("run", net.part("hub"), 8081) == "refused"
    assert net.from_part("hub", net.address("ada"), 8888) == "connected"


@contextmanager
def _listening_here() -> Iterator[int]:
    """A port of this machine that takes connections."""

    def serve(listening: socket.socket) -> None:
        with suppress(OSError):  # closed
            while True:
                listening.accept()[0].close()

    with socket.create_server((machine_address(), 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)
