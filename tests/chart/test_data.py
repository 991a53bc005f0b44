"""What the chart makes so that people's pods get data: rights of the API alone, keys in the API alone."""

from typing import Any

import pytest

from tests.chart.rendering import Object, find, rendered

DATA: dict[str, Any] = {
    "settings": {
        "s3": {"team_url": "s3://team", "personal_url": "s3://people/{person}", "endpoint": "http://minio.store:9000"}
    },
    "s3": {"accessKey": "broker", "secretKey": "broker-secret"},
    "users": {"reach": [{"namespace": "store", "labels": {"app": "minio"}, "ports": [9000]}]},
}


@pytest.fixture(scope="module")
def objects() -> list[Object]:
    return rendered(DATA)


def rules(objects: list[Object], kind: str, component: str) -> list[Any]:
    return [
        rule
        for found in objects
        if found["kind"] == kind and found["metadata"]["labels"]["app.kubernetes.io/component"] == component
        for rule in found["rules"]
    ]


def test_the_api_may_review_tokens_and_look_at_pods_of_people(objects: list[Object]) -> None:
    assert rules(objects, "ClusterRole", "api") == [
        {"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]}
    ]
    assert rules(objects, "Role", "api") == [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    assert find(objects, "Role", "yard-api")["metadata"]["namespace"] == "yard-users"
    (subject,) = find(objects, "ClusterRoleBinding", "place-yard-token-review")["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": "yard-api", "namespace": "place"}


def test_without_data_the_api_has_no_rights_and_no_token() -> None:
    objects = rendered()
    assert not rules(objects, "ClusterRole", "api") and not rules(objects, "Role", "api")
    assert find(objects, "ServiceAccount", "yard-api")["automountServiceAccountToken"] is False


def test_the_brokers_keys_are_in_the_api_alone(objects: list[Object]) -> None:
    holders = [
        found["metadata"]["name"]
        for found in objects
        if found["kind"] == "Deployment" and "yard-s3" in str(found["spec"]["template"]["spec"]["volumes"])
    ]
    assert holders == ["yard-api"]
    assert find(objects, "Secret", "yard-s3")["stringData"] == {
        "s3-access-key": "broker",
        "s3-secret-key": "broker-secret",
    }


def test_secrets_of_ones_own_take_the_place_of_keys() -> None:
    given = {**DATA, "s3": {"existingSecret": "mine", "keysSecret": "people-keys"}}
    objects = rendered(given)
    volumes = find(objects, "Deployment", "yard-api")["spec"]["template"]["spec"]["volumes"]
    secrets = {one["name"]: one["secret"]["secretName"] for one in volumes if "secret" in one}
    assert secrets == {"s3-broker": "mine", "s3-keys": "people-keys"}
    assert not [found for found in objects if found["kind"] == "Secret" and found["metadata"]["name"] == "yard-s3"]


def test_a_part_gets_a_role_of_the_cloud_by_its_account() -> None:
    role = {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/noteyard"}
    objects = rendered({"api": {"serviceAccountAnnotations": role}})
    assert find(objects, "ServiceAccount", "yard-api")["metadata"]["annotations"] == role
    assert "annotations" not in find(objects, "ServiceAccount", "yard-hub")["metadata"]


def test_people_reach_pods_that_are_named(objects: list[Object]) -> None:
    egress = find(objects, "NetworkPolicy", "yard-to-noteyard")["spec"]["egress"]
    assert egress[-1] == {
        "to": [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "store"}},
                "podSelector": {"matchLabels": {"app": "minio"}},
            }
        ],
        "ports": [{"port": 9000, "protocol": "TCP"}],
    }
