"""The Kubernetes backend on the cluster of KUBECONFIG: a namespace for each test, stand-ins for worker and launcher."""

import json
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
from noteyard.backends.kubernetes.cluster import Cluster
from noteyard.backends.kubernetes.manifests import DASHBOARDS, ID, RUNS, Kind, container_security, pod_security
from noteyard.backends.kubernetes.runner import KubernetesRunner
from noteyard.backends.kubernetes.workload_host import KubernetesWorkloadHost
from noteyard.kubernetes_settings import Kubernetes
from noteyard.settings import Profile, Settings

from tests.kubernetes.cluster import PORT, RELEASE, TAG, node_address
from tests.support.waiting import until

HERE = Path(__file__).parent
JOURNAL = f"{RELEASE}-journal"
JOURNAL_PORT = PORT + 1
IMAGE = f"localhost/noteyard-hub:{TAG}"
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"


@dataclass
class KubernetesHarness:
    """Implements Harness. `journal` is where it is read."""

    journal: str
    namespace: str = field(default_factory=lambda: f"{RELEASE}-{uuid.uuid4().hex[:8]}")
    cluster: Cluster = field(default_factory=Cluster)
    made: list[KubernetesRunner | KubernetesWorkloadHost] = field(default_factory=list)

    def __post_init__(self) -> None:
        _namespace(self.namespace)
        self.settings = Settings(
            kubernetes=Kubernetes(namespace=self.namespace, addresses={"api": "http://nowhere"}),
            profiles=[Profile(name="default", image=IMAGE, cpu=0.5, memory_mb=128)],
        )

    def runner(self) -> KubernetesRunner:
        made = KubernetesRunner(self.settings, self.cluster, self._stand_in(RUNS))
        self.made.append(made)
        return made

    def workload_host(self) -> KubernetesWorkloadHost:
        made = KubernetesWorkloadHost(self.settings, self.cluster, self._stand_in(DASHBOARDS))
        self.made.append(made)
        return made

    def events(self, id: str) -> list[str]:
        return httpx.get(f"{self.journal}/{self.namespace}/{id}", timeout=30).text.split()

    def vanish(self, id: str) -> None:
        """As when a node is lost and given up: the pod is gone for the API, whatever became of it."""
        _kubectl("-n", self.namespace, "delete", "pods", "-l", f"{ID}={id}", "--force", "--grace-period=0")

    async def end(self) -> None:
        for made in self.made:
            await made.close()
        await self.cluster.close()
        _kubectl("delete", "namespace", self.namespace, "--wait=false")

    def _stand_in(self, kind: Kind) -> Kind:
        journal = f"http://journal.{JOURNAL}:8080/{self.namespace}"
        source = f"import os\nos.environ['JOURNAL'] = {journal!r}\n" + (HERE / "stand_in.py").read_text()
        return replace(kind, program=("-c", source))


@contextmanager
def journal() -> Iterator[str]:
    """The journal's pod; its address from outside of the cluster."""
    _namespace(JOURNAL)
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "journal", "namespace": JOURNAL, "labels": {"app": "journal"}},
        "spec": {
            "securityContext": pod_security(),
            "containers": [
                {
                    "name": "journal",
                    "image": IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", "-c", (HERE / "journal.py").read_text()],
                    "securityContext": container_security(),
                    "readinessProbe": {"tcpSocket": {"port": 8080}, "periodSeconds": 1},
                }
            ],
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "journal", "namespace": JOURNAL},
        "spec": {
            "type": "NodePort",
            "selector": {"app": "journal"},
            "ports": [{"port": 8080, "nodePort": JOURNAL_PORT}],
        },
    }
    try:
        _kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": [pod, service]}))
        _kubectl("-n", JOURNAL, "wait", "--for=condition=Ready", "pod/journal", "--timeout=120s")
        address = f"http://{node_address()}:{JOURNAL_PORT}"
        # The pod is ready a moment before the node leads its port there.
        until(lambda: _answers(address), 60, "the journal at the node's port")
        yield address
    finally:
        _kubectl("delete", "namespace", JOURNAL, "--timeout=120s")


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/nobody/nothing", timeout=5).is_success
    except httpx.TransportError:
        return False


def _namespace(name: str) -> None:
    _kubectl("create", "namespace", name)
    _kubectl("label", "namespace", name, RESTRICTED)
    accounts: list[str] = ["-n", name, "get", "serviceaccounts", "-o", "name"]
    until(lambda: "serviceaccount/default" in _kubectl(*accounts), 60, f"the account of {name}")


def _kubectl(*words: str, **options: Any) -> str:
    done = subprocess.run(
        ["kubectl", *words], input=options.get("stdin"), capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, f"kubectl {' '.join(words)}: {done.stderr}"
    return done.stdout
