"""Labs that can't start: each fails at once, in words, with a next step and what an administrator needs."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.kubernetes.cluster import Cluster
from tests.kubernetes.lab_person import LabPerson, person
from tests.support.waiting import until


@pytest.fixture(scope="module")
def tess(cluster: Cluster) -> LabPerson:
    return person(cluster, "tess", "trials")


@contextmanager
def applied(cluster: Cluster, thing: dict[str, Any]) -> Iterator[None]:
    """An object of the users' namespace, or of none, while the block lasts."""
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(thing), namespace=cluster.users)
    try:
        yield
    finally:
        cluster.kubectl("delete", thing["kind"], thing["metadata"]["name"], "--wait=false", namespace=cluster.users)


def gone(tess: LabPerson) -> None:
    """A lab that failed leaves no pod."""
    until(lambda: tess.pod() is None, 60, "the end of the pod")


def test_too_large_a_profile_is_told_by_what_is_lacking(tess: LabPerson) -> None:
    page = tess.failure(profile="huge")
    assert "No machine of the cluster has enough free memory (it asks for 3.81 TiB)." in page
    assert "Choose a smaller profile" in page
    assert "0/1 nodes are available" in page  # for an administrator
    assert "Start in rescue mode" not in page  # it would ask for as much
    gone(tess)


def test_no_gpu_and_no_such_machine_are_told(tess: LabPerson) -> None:
    assert "No machine of the cluster has enough free GPUs (it asks for 1)." in tess.failure(profile="gpu")
    assert "no machine of the kind that this profile asks for" in tess.failure(profile="elsewhere")
    gone(tess)


def test_an_image_that_can_not_be_had_is_told(tess: LabPerson) -> None:
    page = tess.failure(profile="no-image")
    assert "The image of this profile can&#39;t be fetched." in page
    assert "localhost/noteyard-nothing:1" in page
    gone(tess)


def test_a_lab_that_ends_at_once_shows_its_last_words(tess: LabPerson) -> None:
    page = tess.failure(profile="no-lab")
    assert "Your lab ended while it was starting: it left with exit code" in page
    assert "The last lines of its log:" in page
    assert "Start in rescue mode" in page
    gone(tess)


def test_a_used_up_quota_is_told_at_once(cluster: Cluster, tess: LabPerson) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "trial"},
        "spec": {"hard": {"limits.memory": "1Mi"}},
    }
    with applied(cluster, quota):
        until(lambda: '"hard"' in _status(cluster, "resourcequota/trial"), 30, "the quota")
        began = time.monotonic()
        page = tess.failure(profile="second")
        assert time.monotonic() - began < 60
    assert "Your lab can&#39;t be started. The users&#39; namespace has used up its quota" in page
    assert "limits.memory" in page
    assert "Stop a lab or wait for a run to end, or ask an administrator for a larger quota." in page


def test_what_admission_refuses_is_told(cluster: Cluster, tess: LabPerson) -> None:
    limits = {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "trial"},
        "spec": {"limits": [{"type": "Container", "max": {"memory": "64Mi"}}]},
    }
    with applied(cluster, limits):
        page = tess.failure(profile="second")
    assert "Your lab can&#39;t be started. The cluster&#39;s rules do not allow it" in page
    assert "maximum memory usage per Container is 64Mi" in page


def test_a_home_whose_volume_can_not_be_had_is_told(cluster: Cluster) -> None:
    vera = person(cluster, "vera", "trials")
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "home-vera"},
        "spec": {
            "storageClassName": "not-there",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    with applied(cluster, claim):
        page = vera.failure(profile="second")
    assert "The volume for your home can&#39;t be had." in page
    assert "not-there" in page
    gone(vera)


def test_a_profile_for_others_is_refused_and_not_shown(tess: LabPerson) -> None:
    form = tess.web.get("/hub/spawn").text
    assert 'value="second"' in form and 'value="closed"' not in form
    page = tess.failure(profile="closed")
    assert "&#39;closed&#39; is not open to you; choose one of: default, second" in page


def test_a_pod_deleted_while_it_starts_is_told(cluster: Cluster, tess: LabPerson) -> None:
    tess.begin(profile="huge")
    until(tess.pod, 60, "the pod, which the hub may not have seen yet")
    cluster.kubectl("delete", "pod", "lab-tess", "--grace-period=0", "--force", namespace=cluster.users)
    page = until(lambda: (page := tess.pending_page()).status_code == 500 and page, 60, "the failure")
    assert page and "Your lab&#39;s pod was deleted while it started." in page.text


def _status(cluster: Cluster, name: str) -> str:
    return cluster.kubectl("get", name, "-o", "jsonpath={.status}", namespace=cluster.users)
