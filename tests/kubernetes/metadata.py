"""A stand-in for the cloud's metadata service: something that listens on its address in the node's own network."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.kubernetes.cluster import RELEASE, Cluster

ADDRESS = "169.254.169.254"
SET = """
import fcntl, socket, struct, sys
def set_address(address):
    request = struct.pack("16sHH4s8s", b"lo:metadata", socket.AF_INET, 0, socket.inet_aton(address), b"")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8916, request)  # SIOCSIFADDR
"""
SERVE = f"""{SET}
set_address("{ADDRESS}")
with socket.create_server(("{ADDRESS}", 80)) as listening:
    open("/tmp/listens", "w").close()
    while True:
        listening.accept()[0].close()
"""


@contextmanager
def metadata_service(cluster: Cluster) -> Iterator[None]:
    """Something answers at the metadata address while the block lasts."""
    image = cluster.kubectl("get", f"deploy/{RELEASE}-hub", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    made: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "metadata"},
        "spec": {
            "hostNetwork": True,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": "metadata",
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", "-P", "-c", SERVE],
                    "securityContext": {"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}},
                    "readinessProbe": {"exec": {"command": ["test", "-e", "/tmp/listens"]}, "periodSeconds": 1},
                }
            ],
        },
    }
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(made))
    try:
        cluster.kubectl("wait", "--for=condition=Ready", "pod/metadata", "--timeout=170s")
        yield
    finally:
        cluster.kubectl("exec", "metadata", "--", "python", "-P", "-c", f'{SET}\nset_address("0.0.0.0")')
        cluster.kubectl("delete", "pod", "metadata", "--wait=false")
