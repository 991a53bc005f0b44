"""Login to a usable lab on a cluster: KubeSpawner as JupyterHub's own documentation sets it up, against Noteyard.

Both start the same lab image on the same node, with a new home on a volume claim; ours mounts S3 besides. The stock hub
and its proxy run on this machine, which must reach pods by their addresses: its node has nothing else to do, and theirs
is no further from the browser than ours.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.labs import HUB, answers, logins
from benchmarks.measuring import Row, seconds, started
from benchmarks.peers import proxy_program
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.login import machine_address
from tests.kubernetes.s3_side import LAB_IMAGE
from tests.support.ports import free_port
from tests.support.waiting import until

SPACE = "noteyard-benchmark-stock"
CONFIG = """\
c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.allow_all = True
c.JupyterHub.spawner_class = "kubespawner.KubeSpawner"
c.JupyterHub.bind_url = "http://127.0.0.1:{port}"
c.JupyterHub.hub_ip = "0.0.0.0"
c.JupyterHub.hub_port = {hub}
c.JupyterHub.hub_connect_url = "http://{machine}:{hub}"
c.ConfigurableHTTPProxy.command = [{proxy!r}]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{api}"
c.KubeSpawner.namespace = {space!r}
c.KubeSpawner.image = {image!r}
c.KubeSpawner.image_pull_policy = "IfNotPresent"
c.KubeSpawner.cmd = ["jupyterhub-singleuser"]
c.KubeSpawner.default_url = "/lab"
c.KubeSpawner.uid = 1000
c.KubeSpawner.fs_gid = 1000
c.KubeSpawner.mem_limit = "1G"
c.KubeSpawner.cpu_limit = 1
c.KubeSpawner.start_timeout = 180
c.KubeSpawner.storage_pvc_ensure = True
c.KubeSpawner.storage_capacity = "1Gi"
c.KubeSpawner.pvc_name_template = "claim-{{username}}"
c.KubeSpawner.volumes = [{{"name": "home", "persistentVolumeClaim": {{"claimName": "claim-{{username}}"}}}}]
c.KubeSpawner.volume_mounts = [{{"name": "home", "mountPath": "/home/jovyan"}}]
"""


def measure(cluster: Cluster, folder: Path, rounds: int) -> Iterator[Row]:
    pair = logins(_stock(folder), cluster, rounds, lambda: until(lambda: _no_labs(cluster), 60, "the end of all labs"))
    yield pair.row("Kubernetes: login to usable lab, S3 mounted (stock KubeSpawner, without)", "at most 1.15x", seconds)


def _no_labs(cluster: Cluster) -> bool:
    """Whether the node has no lab to clear away any more."""
    chosen = ["-l", "component in (lab, singleuser-server)", "-o", "name"]
    return not any(_kubectl("-n", space, "get", "pods", *chosen) for space in (SPACE, cluster.users))


@contextmanager
def _stock(folder: Path) -> Iterator[str]:
    home = folder / "stock"
    home.mkdir()
    ports = {name: free_port() for name in ("port", "api", "hub")}
    values = {"machine": machine_address(), "space": SPACE, "image": LAB_IMAGE, "proxy": str(proxy_program())}
    config = home / "jupyterhub_config.py"
    config.write_text(CONFIG.format(**values, **ports))
    address = f"http://127.0.0.1:{ports['port']}"
    with ExitStack() as stack:
        stack.enter_context(_namespace())
        stack.enter_context(started([HUB, "-f", config], folder / "jupyterhub.log", os.environ, home))
        until(lambda: answers(f"{address}/hub/login"), 60, "JupyterHub")
        yield address


@contextmanager
def _namespace() -> Iterator[None]:
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
    _kubectl("apply", "-f", "-", stdin=json.dumps(space))
    try:
        yield
    finally:
        _kubectl("delete", "namespace", SPACE)


def _kubectl(*words: str, stdin: str = "") -> str:
    done = subprocess.run(["kubectl", *words], input=stdin, text=True, check=True, capture_output=True, timeout=300)
    return done.stdout
