"""The rendered objects, as a real API server sees them."""

import subprocess

from tests.chart.rendering import CHART, helm
from tests.kubernetes.cluster import Cluster


def test_the_api_server_takes_every_object_strictly(cluster: Cluster) -> None:
    values = {"ingress": {"enabled": True}, "edge": {"tlsSecret": "wild"}, "users": {"namespace": cluster.users}}
    made = helm("template", "dry", str(CHART), "--namespace", cluster.namespace, "--validate", values=values)
    assert made.returncode == 0, made.stderr
    command = ["kubectl", "-n", cluster.namespace, "apply", "--dry-run=server", "--validate=strict", "-f", "-"]
    done = subprocess.run(command, input=made.stdout, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr, done.stderr
