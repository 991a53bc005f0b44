"""What the parts' accounts may do on the cluster, and what they can't: asked of the cluster itself."""

import subprocess

import pytest

from tests.kubernetes.cluster import Cluster

USERS, OWN, ALL = "users", "own", "all"
MAY = {
    "hub": ["create pods", "delete pods", "get pods/log", "create persistentvolumeclaims", "watch events"],
    "controller": [
        *("create jobs.batch", "patch jobs.batch", "delete jobs.batch", "watch jobs.batch"),
        *("create deployments.apps", "update deployments.apps", "delete deployments.apps"),
        *("watch pods", "deletecollection pods", "create secrets", "create services", "patch services"),
    ],
    "api": [],
}
MAY_NOT = {
    "hub": [
        "get secrets",
        "list secrets",
        "create secrets",
        "create jobs.batch",
        "create pods/exec",
        "delete namespaces",
    ],
    "controller": [
        *("get secrets", "list secrets", "watch secrets", "deletecollection secrets"),
        *("create pods", "create pods/exec", "create pods/attach", "create pods/portforward", "get pods/log"),
        *("get persistentvolumeclaims", "create serviceaccounts", "create serviceaccounts/token"),
        *("create roles.rbac.authorization.k8s.io", "create rolebindings.rbac.authorization.k8s.io"),
        *("create daemonsets.apps", "create networkpolicies.networking.k8s.io", "update resourcequotas"),
    ],
    "api": [
        "get secrets",
        "list pods",
        "create pods",
        "create jobs.batch",
        "create deployments.apps",
        "create pods/exec",
    ],
}
NOWHERE = [
    "get secrets",
    "list pods",
    "create pods",
    "create jobs.batch",
    "create deployments.apps",
    "create pods/exec",
]


def can(cluster: Cluster, part: str, what: str, where: str) -> bool:
    """The cluster's own answer; for all namespaces when `where` is ALL."""
    verb, _, resource = what.partition(" ")
    resource, _, sub = resource.partition("/")
    account = f"system:serviceaccount:{cluster.namespace}:{cluster.namespace}-{part}"
    spaces = {USERS: ["-n", cluster.users], OWN: ["-n", cluster.namespace], ALL: ["--all-namespaces"]}[where]
    command = ["kubectl", "auth", "can-i", verb, resource, *(["--subresource", sub] if sub else []), "--as", account]
    done = subprocess.run([*command, *spaces], capture_output=True, text=True, timeout=60, check=False)
    answer = done.stdout.strip().splitlines()[-1:]
    assert answer in (["yes"], ["no"]), f"{command}: {done.stdout}{done.stderr}"
    return answer == ["yes"]


@pytest.mark.parametrize("part", MAY)
def test_parts_may_do_what_they_need_where_people_are_and_no_more(cluster: Cluster, part: str) -> None:
    assert [what for what in MAY[part] if not can(cluster, part, what, USERS)] == []
    assert [what for what in MAY_NOT[part] if can(cluster, part, what, USERS)] == []


@pytest.mark.parametrize("part", MAY)
def test_parts_may_do_nothing_anywhere_else(cluster: Cluster, part: str) -> None:
    for where in (OWN, ALL):
        assert [what for what in {*MAY[part], *NOWHERE} if can(cluster, part, what, where)] == []


def test_pods_of_people_hold_no_token_and_their_account_may_do_nothing(cluster: Cluster) -> None:
    account = f"system:serviceaccount:{cluster.users}:default"
    for what in (["get", "pods"], ["get", "secrets"], ["create", "pods"]):
        command = ["kubectl", "auth", "can-i", *what, "--as", account, "-n", cluster.users]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout.strip() == "no", command
