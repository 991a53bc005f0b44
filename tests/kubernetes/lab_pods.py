"""What tests ask of pods of people: which one is a person's lab, and what a program prints there."""

import subprocess

from noteyard.backends.kubernetes.manifests import PERSON

from tests.kubernetes.cluster import Cluster


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
