"""The images, one folder a test or more: who they run as, what is in them, and a lab that runs alone."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.kubernetes.cluster import TAG, Cluster
from tests.support.waiting import until

HUB, LAB = f"localhost/noteyard-hub:{TAG}", f"localhost/noteyard-lab-datascience:{TAG}"
COMPILERS = "for tool in cc gcc g++ make ld rustc go; do command -v $tool; done; true"


@contextmanager
def pod(cluster: Cluster, name: str, image: str, *command: str) -> Iterator[str]:
    """A restricted pod of an image, with its own command or another; yields its name."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}
    container = {"name": "it", "image": image, "imagePullPolicy": "IfNotPresent", "securityContext": security}
    spec = {
        "containers": [{**container, **({"args": list(command)} if command else {})}],
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
    }
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(made), namespace=cluster.users)
    try:
        cluster.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=120s", namespace=cluster.users)
        yield name
    finally:
        cluster.kubectl("delete", "pod", name, "--grace-period=1", namespace=cluster.users)


@pytest.mark.parametrize("image", [HUB, LAB], ids=["hub", "lab-datascience"])
def test_an_image_is_nobodys_root_and_leaves_no_compiler_behind(cluster: Cluster, image: str) -> None:
    with pod(cluster, "look", image, "sleep", "300") as name:

        def inside(script: str) -> str:
            return cluster.kubectl("exec", name, "--", "sh", "-c", script, namespace=cluster.users).strip()

        assert inside("id -u; id -g") == "1000\n1000"
        assert inside(COMPILERS) == ""
        assert inside("cat /proc/1/comm") == "tini"
        assert inside("test -w /opt/noteyard || echo read-only") == "read-only"


def test_the_hub_image_has_the_command_and_no_pip(cluster: Cluster) -> None:
    with pod(cluster, "hub-look", HUB, "sleep", "300") as name:

        def inside(script: str) -> str:
            return cluster.kubectl("exec", name, "--", "sh", "-c", script, namespace=cluster.users).strip()

        assert "Noteyard" in inside("noteyard --help")
        assert inside("command -v pip traefik rclone; true") == ""


def test_the_lab_image_has_what_people_work_with(cluster: Cluster) -> None:
    wanted = "pandas, sklearn, matplotlib, pyarrow, ipywidgets, voila, papermill, s3fs, boto3, noteyard_lab"
    with pod(cluster, "lab-look", LAB, "sleep", "300") as name:

        def inside(script: str) -> str:
            return cluster.kubectl("exec", name, "--", "sh", "-c", script, namespace=cluster.users).strip()

        assert inside(f"python -c 'import {wanted}; print(1)'") == "1"
        assert inside("git --version").startswith("git version 2")
        assert re.match(r"\d+\.\d+", inside("dvc --version"))
        assert "run" in inside("yard --help")
        assert inside("pip check --disable-pip-version-check") == "No broken requirements found."


def test_a_lab_image_runs_alone_with_a_token(cluster: Cluster) -> None:
    """What `docker run -p 8888:8888 IMAGE` does: the image's own command and user, nothing else."""
    with pod(cluster, "alone", LAB) as name:

        def said() -> str | None:
            log = cluster.kubectl("logs", name, namespace=cluster.users)
            found = re.search(r"http://\S+:8888/lab\?token=([0-9a-f]+)", log)
            return found[1] if found else None

        token = until(said, 120, "the address with a token in the log")
        ask = "import urllib.request as r; print(r.urlopen(r.Request('http://127.0.0.1:8888/api/contents'{})).status)"

        def status(headers: str) -> str:
            code = ask.format(headers)
            words = ["exec", name, "--", "sh", "-c", f'python -c "{code}" 2>&1 | tail -n 1']
            return cluster.kubectl(*words, namespace=cluster.users).strip()

        assert status(f", headers=dict(Authorization='token {token}')") == "200"
        assert "403" in status("")
