"""One installation for all tests on a cluster; they need a KUBECONFIG, and the images that `make images` builds."""

import os
from collections.abc import Iterator

import pytest

from tests.kubernetes.cluster import Cluster, installed
from tests.kubernetes.login import machine_address
from tests.support.keycloak import Keycloak
from tests.support.keycloak import keycloak as running_keycloak


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("KUBECONFIG"):
        return
    for item in items:
        if "tests/kubernetes/" in item.nodeid:
            item.add_marker(pytest.mark.skip(reason="needs a cluster: set KUBECONFIG"))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """People: ada, bob (group sales), root (admin)."""
    with installed(tmp_path_factory.mktemp("cluster") / "state") as made:
        known = made.sql("select name from people").split()
        for name, groups, admin in (("ada", (), False), ("bob", ("sales",), False), ("root", (), True)):
            if name not in known:
                made.add(name, *groups, admin=admin)
        yield made


@pytest.fixture(scope="session")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    """A real Keycloak on this machine, whose address is the same for pods and browsers."""
    with running_keycloak(tmp_path_factory.mktemp("keycloak") / "log", machine_address()) as made:
        yield made
