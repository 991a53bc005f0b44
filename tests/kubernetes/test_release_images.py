"""A release's image by digest: told by a pod, remembered, and done without where its registry has it no more."""

import hashlib
import json
import uuid
from collections.abc import Iterator

import pytest
from noteyard.backends.kubernetes.manifests import container_security, labels, pod_security
from noteyard.backends.kubernetes.pinned_images import IMAGE, image_label

from tests.kubernetes.cluster import RELEASE, TAG, Cluster
from tests.kubernetes.lab_person import person
from tests.kubernetes.node_registry import empty_registry
from tests.support.waiting import until

LAB = f"localhost/noteyard-lab-datascience:{TAG}"
NAME = "told"


@pytest.fixture
def digest(cluster: Cluster) -> Iterator[str]:
    """An image by digest that a lab's pod tells of, and that no registry has any more.

    Images of tests are loaded into nodes by hand, and have no digests: this pod waits for a node that is not there, and
    its state is what a kubelet would have said of one whose image was pulled.
    """
    name = f"{LAB.rpartition(':')[0]}@sha256:{hashlib.sha256(uuid.uuid4().bytes).hexdigest()}"
    container = {"name": "notebook", "image": LAB, "securityContext": container_security()}
    marks = {"labels": labels(RELEASE, "lab") | image_label(LAB), "annotations": {IMAGE: LAB}}
    spec = {"nodeSelector": {"noteyard/kind": "nowhere"}, "securityContext": pod_security(), "containers": [container]}
    made = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": NAME, **marks}, "spec": spec}
    state = {"name": "notebook", "image": LAB, "imageID": name, "ready": True, "restartCount": 0, "state": {}}
    status = {"status": {"startTime": "2026-11-25T12:00:00Z", "containerStatuses": [state]}}
    cluster.kubectl("apply", "-f", "-", stdin=json.dumps(made), namespace=cluster.users)
    try:
        change = ["patch", "pod", NAME, "--subresource=status", "--type=merge", "-p", json.dumps(status)]
        cluster.kubectl(*change, namespace=cluster.users)
        known = f"SELECT asked FROM profile_images WHERE name = '{name}'"
        until(lambda: cluster.rows(known) == [(LAB,)], 60, "what the pod tells")
        yield name
    finally:
        # Other tests' releases are not to remember it.
        cluster.sql(f"UPDATE profile_images SET gone = now() WHERE name = '{name}'")
        cluster.kubectl("delete", "pod", NAME, "--grace-period=0", "--force", namespace=cluster.users)


def attempts(cluster: Cluster, run: str) -> list[tuple[str, ...]]:
    """State, message and hint of a run's attempts."""
    what = "state, coalesce(error ->> 'message', ''), coalesce(error ->> 'hint', '')"
    return cluster.rows(f"SELECT {what} FROM attempts WHERE run = '{run}' ORDER BY number")


@pytest.mark.timeout(300)
def test_a_run_has_the_image_of_its_release_until_no_registry_has_it(cluster: Cluster, digest: str) -> None:
    notebook = cluster.write("remembers.ipynb", "print('ran')")
    with empty_registry(cluster):
        run = json.loads(cluster.yard("bob", "run", str(notebook), "--json"))
        with cluster.client("bob") as client:
            assert client.get(f"/releases/{run['release']}").json()["image"] == digest
        assert cluster.ended("bob", run["id"])["state"] == "succeeded"
    first, second = attempts(cluster, run["id"])
    assert first[0] == "interrupted"
    assert digest in first[1]
    assert "not found" in first[1]
    assert first[2] == "It begins again with the profile's image of today."
    assert second == ("succeeded", "", "")
    # It is known by now: the next run loses no attempt, and a new release remembers nothing that is gone.
    with cluster.client("bob") as client:
        again = client.post("/runs", json={"release": run["release"]}).json()["id"]
    assert cluster.ended("bob", again)["state"] == "succeeded"
    assert [state for state, *_ in attempts(cluster, again)] == ["succeeded"]
    cluster.write("remembers.ipynb", "print('ran again')")
    other = json.loads(cluster.yard("bob", "run", str(notebook), "--wait", "--json"))
    with cluster.client("bob") as client:
        assert client.get(f"/releases/{other['release']}").json()["image"] is None


@pytest.mark.timeout(300)
def test_a_lab_whose_image_no_registry_has_starts_when_it_is_asked_for_again(cluster: Cluster, digest: str) -> None:
    iris = person(cluster, "iris", "trials")
    with empty_registry(cluster):
        page = iris.failure(profile="second")
        assert digest in page
        assert "Start your lab again: it then gets the profile&#39;s image of today." in page
        iris.lab(profile="second")
    found = iris.pod()
    assert found is not None
    assert found["spec"]["containers"][0]["image"] == LAB
    iris.stop()
