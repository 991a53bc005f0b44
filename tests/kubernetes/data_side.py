"""An installation whose pods get data, and what tests ask of those pods."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from noteyard.backends.kubernetes.manifests import PERSON

from tests.kubernetes.cluster import HERE, RELEASE, ROOT, Cluster, helm
from tests.kubernetes.minio_users import add_user, everything_in

BUCKETS = ("team-data", "people")


@contextmanager
def with_data(cluster: Cluster, folder: Path) -> Iterator[Cluster]:
    """The installation with data-values.yaml; it is put back with the block's end."""
    # A folder of MinIO's is a bucket.
    cluster.kubectl("exec", "deploy/minio", "--", "mkdir", "-p", *(f"/data/{bucket}" for bucket in BUCKETS))
    # The root user can't assume roles.
    add_user(RELEASE, "broker", "broker-secret", everything_in(*BUCKETS))
    values = folder / "data-values.yaml"
    values.write_text((HERE / values.name).read_text().replace("RELEASE", RELEASE))
    chart = str(ROOT / "helm" / "noteyard")
    helm("upgrade", RELEASE, chart, "--reuse-values", "--values", str(values), "--wait", "--timeout=10m")
    try:
        yield cluster
    finally:
        helm("rollback", RELEASE, "--wait", "--timeout=10m")


def lab_of(cluster: Cluster, person: str) -> str | None:
    """Name of the pod of a person's lab whose containers all run."""
    for pod in cluster.pods(component="lab"):
        ready = {one["type"]: one["status"] for one in pod["status"].get("conditions", [])}.get("Ready")
        if pod["metadata"].get("annotations", {}).get(PERSON) == person and ready == "True":
            return str(pod["metadata"]["name"])
    return None


def python_in(cluster: Cluster, pod: str, script: str, *words: str, container: str = "notebook") -> str:
    """What a script prints in a pod of people."""
    command = ["kubectl", "-n", cluster.users, "exec", "-i", pod, "-c", container, "--", "python", "-", *words]
    done = subprocess.run(command, input=script, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    return done.stdout
