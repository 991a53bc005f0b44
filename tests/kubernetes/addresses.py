"""Stand-ins for what is outside of a cluster: something listens on addresses of the node that are told to it.

Of these addresses the policies know the ranges alone; that they end at the node instead of in a cloud or on the other
side of the world is nothing they could see.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.kubernetes.cluster import RELEASE, Cluster

METADATA = "169.254.169.254"
"""Of the cloud's metadata service."""
SET = """
import fcntl, socket, struct
ADDRESS, NETMASK = 0x8916, 0x891C  # SIOCSIFADDR, SIOCSIFNETMASK
def change(number, what, address):
    name = b"lo:t%d" % number
    request = struct.pack("16sHH4s8s", name, socket.AF_INET, 0, socket.inet_aton(address), b"")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, what, request)
"""
SERVE = f"""{SET}
import signal, sys, threading
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
def serve(listening):
    while True:
        listening.accept()[0].close()
for number, address in enumerate(sys.argv[1:]):
    change(number, ADDRESS, address)
    change(number, NETMASK, "255.255.255.255")  # else the whole network of its old class would be the node's
    threading.Thread(target=serve, args=(socket.create_server((address, 80)),), daemon=True).start()
open("/tmp/listens", "w").close()
signal.pause()
"""
UNSET = f"""{SET}
import sys
for number in range(int(sys.argv[1])):
    change(number, ADDRESS, "0.0.0.0")
"""
NAME = "addresses"


@contextmanager
def listening_at(cluster: Cluster, *addresses: str) -> Iterator[None]:
    """Something answers at port 80 of the addresses while the block lasts."""
    image = cluster.kubectl("get", f"deploy/{RELEASE}-hub", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    made: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": NAME},
        "spec": {
            "hostNetwork": True,
            # Not 0: then the pod would be gone for the API while its process still has the addresses' ports.
            "terminationGracePeriodSeconds": 10,
            "containers": [
                {
                    "name": NAME,
                    "image": image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["python", "-P", "-c", SERVE, *addresses],
                    "securityContext": {"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}},
                    "readinessProbe": {"exec": {"command": ["test", "-e", "/tmp/listens"]}, "periodSeconds": 1},
                }
            ],
        },
    }
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(made))
    try:
        cluster.kubectl("wait", "--for=condition=Ready", f"pod/{NAME}", "--timeout=170s")
        yield
    finally:
        cluster.kubectl("exec", NAME, "--", "python", "-P", "-c", UNSET, str(len(addresses)))
        cluster.kubectl("delete", "pod", NAME, "--timeout=60s")
