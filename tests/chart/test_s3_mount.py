"""The node driver: the one privileged container, in a namespace of its own, with nothing it does not need."""

from typing import Any

import pytest

from tests.chart.rendering import Object, containers, find, pod_templates, refusal, rendered

ON = {"settings": {"s3": {"team_url": "s3://team"}}}
NAME, SPACE = "yard-s3-mount", "yard-s3-mount"


@pytest.fixture(scope="module")
def objects() -> list[Object]:
    return rendered(ON)


def test_only_the_driver_is_privileged(objects: list[Object]) -> None:
    privileged = {
        name
        for name, template in pod_templates(objects).items()
        for container in containers(template)
        if container["securityContext"].get("privileged") or template["spec"].get("hostNetwork")
    }
    assert privileged == {f"DaemonSet/{NAME}"}


def test_the_driver_is_apart_and_knows_nothing_of_kubernetes(objects: list[Object]) -> None:
    daemons = find(objects, "DaemonSet", NAME)
    assert daemons["metadata"]["namespace"] == SPACE
    spec = daemons["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert not spec.get("hostNetwork") and not spec.get("hostPID")
    assert find(objects, "Namespace", SPACE)["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"
    policy = next(found for found in objects if found["kind"] == "NetworkPolicy" and found["metadata"]["name"] == NAME)
    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_it_sees_of_the_node_what_it_mounts_in_and_listens_in(objects: list[Object]) -> None:
    spec = find(objects, "DaemonSet", NAME)["spec"]["template"]["spec"]
    driver = next(found for found in objects if found["kind"] == "CSIDriver")
    assert {volume["hostPath"]["path"] for volume in spec["volumes"]} == {
        "/var/lib/kubelet/pods",
        f"/var/lib/kubelet/plugins/{driver['metadata']['name']}",
        "/var/lib/kubelet/plugins_registry",
        "/sys/devices/virtual/bdi",
    }
    propagated = [mount["name"] for mount in spec["containers"][0]["volumeMounts"] if "mountPropagation" in mount]
    assert propagated == ["pods"]


def test_two_releases_have_two_drivers() -> None:
    names = set()
    for release in ("yard", "yard2", "a-release-with-a-name-that-is-rather-long-indeed"):
        driver = next(found for found in rendered(ON, release) if found["kind"] == "CSIDriver")
        names.add(driver["metadata"]["name"])
        assert len(driver["metadata"]["name"]) <= 63
    assert len(names) == 3


@pytest.mark.parametrize("values", [{**ON, "mount": {"enabled": False}}, {}])
def test_without_the_mount_or_data_nothing_of_it_is_there(values: dict[str, Any]) -> None:
    objects = rendered(values)
    assert not [found for found in objects if found["kind"] in ("CSIDriver", "DaemonSet")]
    assert SPACE not in {found["metadata"]["name"] for found in objects}


def test_a_size_that_is_none_is_refused_by_its_path() -> None:
    assert "mount.cacheSize" in refusal({"mount": {"cacheSize": "plenty"}}).replace("/", ".")


def test_without_a_priority_there_is_no_quota_for_it(objects: list[Object]) -> None:
    quota = find(objects, "ResourceQuota", NAME)["spec"]["scopeSelector"]["matchExpressions"]
    assert quota == [{"operator": "In", "scopeName": "PriorityClass", "values": ["system-node-critical"]}]
    plain = rendered({**ON, "mount": {"priorityClassName": ""}})
    assert not [found for found in plain if found["kind"] == "ResourceQuota"]
    assert "priorityClassName" not in find(plain, "DaemonSet", NAME)["spec"]["template"]["spec"]
