"""An image registry on the node, where images of `localhost` are looked for: it answers, and has nothing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from tests.kubernetes.cluster import RELEASE, Cluster

NAME = "registry"
HAS_NOTHING = """
import signal, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
BODY = b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}'
class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(BODY)
    do_HEAD = do_GET
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
Thread(target=ThreadingHTTPServer(("127.0.0.1", 80), Answers).serve_forever, daemon=True).start()
open("/tmp/listens", "w").close()
signal.pause()
"""


@contextmanager
def empty_registry(cluster: Cluster) -> Iterator[None]:
    """While the block lasts, whatever is pulled from `localhost` is not found."""
    image = cluster.kubectl("get", f"deploy/{RELEASE}-hub", "-o", "jsonpath={.spec.template.spec.containers[0].image}")
    container = {
        "name": NAME,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python", "-P", "-c", HAS_NOTHING],
        "securityContext": {"runAsUser": 0},
        "readinessProbe": {"exec": {"command": ["test", "-e", "/tmp/listens"]}, "periodSeconds": 1},
    }
    spec = {"hostNetwork": True, "terminationGracePeriodSeconds": 10, "containers": [container]}
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME}, "spec": spec}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(made))
    try:
        cluster.kubectl("wait", "--for=condition=Ready", f"pod/{NAME}", "--timeout=120s")
        yield
    finally:
        cluster.kubectl("delete", "pod", NAME, "--timeout=60s")
