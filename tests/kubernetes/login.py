"""Keycloak for an installation on a cluster: on this machine, at one address for pods and browsers."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kubernetes.cluster import HERE, RELEASE, ROOT, Cluster, helm, node_address
from tests.support.keycloak import REALM, Keycloak

CLIENT = "kubernetes"


def machine_address() -> str:
    """This machine's address as the cluster's node and its pods reach it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((node_address(), 9))  # sends nothing: it only chooses the route
        return str(probe.getsockname()[0])


def values_for(keycloak: Keycloak, cluster: Cluster, folder: Path) -> Path:
    """keycloak-values.yaml with this Keycloak's address, where the installation is registered, and the secret."""
    text = (HERE / "keycloak-values.yaml").read_text()
    text = text.replace(f"http://keycloak.invalid/realms/{REALM['realm']}", keycloak.issuer)
    path = folder / "keycloak-values.yaml"
    path.write_text(text.replace("put-in-by-the-tests", keycloak.client(CLIENT, cluster.url)))
    return path


@contextmanager
def logins_by(keycloak: Keycloak, cluster: Cluster, folder: Path) -> Iterator[Cluster]:
    """The installation with logins by Keycloak while the block lasts; afterwards it is as before."""
    chart = str(ROOT / "helm" / "noteyard")
    values = str(values_for(keycloak, cluster, folder))
    helm("upgrade", RELEASE, chart, "--reuse-values", "--values", values, "--wait", "--timeout=10m")
    try:
        yield cluster
    finally:
        helm("rollback", RELEASE, "--wait", "--timeout=10m")
