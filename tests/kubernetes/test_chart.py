"""The rendered objects, as a real API server sees them."""

import subprocess

from tests.chart.rendering import CHART, helm
from tests.kubernetes.cluster import RELEASE, Cluster

APPLIED = "last-applied-configuration"


def test_the_api_server_takes_every_object_strictly(cluster: Cluster) -> None:
    # Namespaces that are there, since a dry run makes none.
    values = {
        "settings": {"s3": {"team_url": "s3://team"}},
        "ingress": {"enabled": True},
        "edge": {"tlsSecret": "wild"},
        "users": {"namespace": cluster.users},
        "mount": {"namespace": f"{RELEASE}-s3-mount"},
    }
    made = helm("template", "dry", str(CHART), "--kube-version=1.34", "--namespace", cluster.namespace, values=values)
    assert made.returncode == 0, made.stderr
    # Those that name no namespace are looked at in the default one, which changes nothing for them.
    command = ["kubectl", "apply", "--dry-run=server", "--validate=strict", "-f", "-"]
    done = subprocess.run(command, input=made.stdout, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    # Namespaces that Helm made are none of kubectl's.
    assert not [line for line in done.stderr.splitlines() if line.startswith("Warning: ") and APPLIED not in line]
