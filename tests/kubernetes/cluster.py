"""The product on a Kubernetes: installed by the chart, used by the same means as one machine's."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from noteyard.backends.kubernetes.manifests import COMPONENT, PART_OF

from tests.kubernetes.forwarder import forwarding
from tests.kubernetes.minio_users import add_user, everything_in
from tests.support.product import PASSWORD, Product
from tests.support.waiting import until

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RELEASE = os.environ.get("NOTEYARD_TEST_RELEASE", "noteyard")
"""Name of the release and of its namespace."""
PORT = int(os.environ.get("NOTEYARD_TEST_PORT", "30080"))
"""NodePort of the edge, and the port of loopback that leads there."""
TAG = os.environ.get("NOTEYARD_TEST_TAG", "dev")
"""Tag of the images that were built."""
BUCKET = "noteyard"
DATA = ("team-data", "people")
"""Buckets of the team's and people's data."""


@dataclass
class Cluster(Product):
    """An installation in a namespace of its release's name; labs, runs and dashboards are in `<release>-users`."""

    namespace: str = RELEASE
    users: str = f"{RELEASE}-users"
    clients: list[httpx.Client] = field(default_factory=list)
    """Closed with the installation."""

    def command(self, *words: str, **options: Any) -> str:
        """The `noteyard` command in a pod of the API."""
        inside = ["exec", "-i", f"deploy/{RELEASE}-api", "-c", "api", "--", "noteyard", *words]
        return self.kubectl(*inside, stdin=options.get("stdin", ""))

    def add(self, name: str, *groups: str, admin: bool = False) -> str:
        words = [*(word for group in groups for word in ("--group", group)), *(["--admin"] if admin else [])]
        self.command("user", "add", name, *words, "--password-stdin", stdin=PASSWORD + "\n")
        self.sql(f"UPDATE people SET must_change_password = false WHERE name = '{name}'")
        return name

    def sql(self, statement: str) -> str:
        """What PostgreSQL answers, without any ornament."""
        inside = ["exec", "deploy/postgres", "--", "psql", "-U", "postgres", "-d", "noteyard", "-Atc", statement]
        return self.kubectl(*inside)

    def rows(self, query: str) -> list[tuple[str, ...]]:
        """Rows of Noteyard's database, columns as text."""
        return [tuple(line.split("|")) for line in self.sql(query).splitlines()]

    def stored(self) -> set[tuple[str, str, str]]:
        """Outputs of runs that are in S3: run, attempt, name."""
        # MinIO keeps an object as a folder with a file of this name in it.
        inside = ["exec", "deploy/minio", "--", "sh", "-c", f"cd /data/{BUCKET}/objects/runs && ls */*/*/xl.meta"]
        found = [line.split("/") for line in self.kubectl(*inside).splitlines()]
        return {(run, attempt, name) for run, attempt, name, _ in found}

    def kubectl(self, *words: str, stdin: str = "", namespace: str = "") -> str:
        command = ["kubectl", "-n", namespace or self.namespace, *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=180, check=False)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def pods(self, **labels: str) -> list[dict[str, Any]]:
        """Pods of people with these labels: component, and others of app.kubernetes.io."""
        wanted = ",".join(f"app.kubernetes.io/{name}={value}" for name, value in labels.items())
        found: list[dict[str, Any]] = json.loads(
            self.kubectl("get", "pods", "-l", wanted, "-o", "json", namespace=self.users)
        )["items"]
        return found

    def log(self, part: str) -> str:
        return self.kubectl("logs", f"deploy/{RELEASE}-{part}", "--all-containers", "--tail=-1")


@contextmanager
def installed(folder: Path, *values: Path) -> Iterator[Cluster]:
    """The chart's release with PostgreSQL and MinIO beside it; all of it is deleted with the block, and what tests that
    were interrupted left is deleted before.

    NOTEYARD_KEEP leaves it, and takes it up again, for work on the tests.
    """
    node = node_address()
    made = Cluster(folder, PORT)
    keep = bool(os.environ.get("NOTEYARD_KEEP"))
    folder.mkdir(parents=True, exist_ok=True)
    with forwarding(PORT, node, PORT):
        try:
            if not keep:
                _remove(made)
            _backing(made)
            helm(
                "upgrade",
                "--install",
                RELEASE,
                str(ROOT / "helm" / "noteyard"),
                *(word for path in (_values(folder), *values) for word in ("--values", str(path))),
                "--wait",
                "--timeout=10m",
            )
            yield made
        finally:
            for client in made.clients:
                client.close()
            if not keep:
                _remove(made)


def _values(folder: Path) -> Path:
    """tests/kubernetes/values.yaml with this run's port and images."""
    path = folder / "values.yaml"
    text = (HERE / "values.yaml").read_text().replace("RELEASE", RELEASE)
    path.write_text(text.replace("30080", str(PORT)).replace(":dev", f":{TAG}"))
    return path


def helm(*words: str) -> str:
    """What helm prints; the state of the pods when it fails."""
    command = ["helm", "--namespace", RELEASE, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=700, check=False)
    if done.returncode != 0:
        state = subprocess.run(
            ["kubectl", "-n", RELEASE, "describe", "pods"], capture_output=True, text=True, timeout=60, check=False
        )
        raise AssertionError(f"{' '.join(command)}: {done.stdout}\n{done.stderr}\n{state.stdout[-8000:]}")
    return done.stdout


def _backing(made: Cluster) -> None:
    space = subprocess.run(
        ["kubectl", "create", "namespace", RELEASE], capture_output=True, text=True, timeout=60, check=False
    )
    assert space.returncode == 0 or "AlreadyExists" in space.stderr, space.stderr
    made.kubectl("apply", "-f", str(HERE / "backing.yaml"))
    made.kubectl("wait", "--for=condition=Available", "deploy/postgres", "deploy/minio", "--timeout=120s")
    # A folder of MinIO's is a bucket.
    made.kubectl("exec", "deploy/minio", "--", "mkdir", "-p", *(f"/data/{bucket}" for bucket in (BUCKET, *DATA)))
    add_user(RELEASE, "broker", "broker-secret", everything_in(*DATA))


def node_address() -> str:
    """The address of a node, where NodePorts are."""
    command = ["kubectl", "get", "nodes", "-o", "json"]
    nodes = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout)
    addresses = nodes["items"][0]["status"]["addresses"]
    return next(str(one["address"]) for one in addresses if one["type"] == "InternalIP")


def _remove(made: Cluster) -> None:
    """As docs/kubernetes.md says under Removing, and then the namespaces."""
    parts = [f"deploy/{RELEASE}-hub", f"deploy/{RELEASE}-controller"]
    delete = ["delete", "--ignore-not-found"]
    for namespace, *words in (
        (made.namespace, "scale", *parts, "--replicas=0"),
        (made.namespace, "wait", "--for=delete", "pod", "-l", f"{COMPONENT}=controller", "--timeout=120s"),
        (made.users, *delete, "deploy,job,pod", "-l", f"{PART_OF}=noteyard", "--timeout=170s"),
    ):
        subprocess.run(["kubectl", "-n", namespace, *words], timeout=180, check=False)
    helm("uninstall", RELEASE, "--ignore-not-found", "--wait")
    for namespace in (made.users, made.namespace):
        subprocess.run(["kubectl", *delete, "namespace", namespace, "--wait=false"], timeout=120, check=False)

    def gone() -> bool:
        command = ["kubectl", "get", "namespaces", "-o", "name"]
        left = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.split()
        return not {f"namespace/{made.users}", f"namespace/{made.namespace}"} & set(left)

    until(gone, 180, "the end of the namespaces")
