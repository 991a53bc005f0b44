"""The objects of an installation: pods bounded, unprivileged, probed and drained; restarted only when they must be."""

import json
import re
import shutil
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
import yaml
from noteyard.viewer_tokens import ViewerTokens

from tests.chart.rendering import ROOT, Object, containers, find, pod_templates, rendered


@pytest.fixture(scope="module")
def objects() -> list[Object]:
    return rendered()


def parts(objects: list[Object]) -> dict[str, Object]:
    """Pods of Noteyard's own parts: without what serves the nodes."""
    return {name: found for name, found in pod_templates(objects).items() if name.startswith("Deployment/")}


def test_the_parts_are_there(objects: list[Object]) -> None:
    replicas = {
        found["metadata"]["name"]: found["spec"]["replicas"] for found in objects if found["kind"] == "Deployment"
    }
    assert replicas == {"yard-api": 2, "yard-controller": 2, "yard-edge": 2, "yard-hub": 1}


def test_every_container_says_what_it_needs_and_is_bounded(objects: list[Object]) -> None:
    for name, template in pod_templates(objects).items():
        for container in containers(template):
            resources = container["resources"]
            assert set(resources["requests"]) == {"cpu", "memory"}, f"{name} {container['name']}"
            assert resources["limits"]["memory"], f"{name} {container['name']}"


def test_parts_run_as_nobody_in_particular_and_write_nowhere(objects: list[Object]) -> None:
    for name, template in parts(objects).items():
        security = template["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True and security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in containers(template):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, f"{name} {container['name']}"


def test_every_part_is_probed_and_spread(objects: list[Object]) -> None:
    for name, template in parts(objects).items():
        spreads = [found["topologyKey"] for found in template["spec"]["topologySpreadConstraints"]]
        assert spreads == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"], name
        for container in template["spec"]["containers"]:
            assert {"readinessProbe", "livenessProbe"} <= set(container), f"{name} {container['name']}"


def test_parts_run_on_the_nodes_that_placement_names_and_the_driver_on_all() -> None:
    taint = {"key": "dedicated", "value": "noteyard", "effect": "NoSchedule"}
    placement = {"nodeSelector": {"pool": "system"}, "tolerations": [taint]}
    made = rendered(
        {"placement": placement, "settings": {"s3": {"team_url": "s3://team", "endpoint": "http://s3:9000"}}}
    )
    for name, template in parts(made).items():
        placed = {key: template["spec"].get(key) for key in placement}
        assert placed == placement, name
    driver = pod_templates(made)["DaemonSet/yard-s3-mount"]["spec"]
    assert driver["nodeSelector"] == {"kubernetes.io/os": "linux"} and driver["tolerations"] == [{"operator": "Exists"}]
    for name, template in parts(rendered()).items():
        assert not {"nodeSelector", "tolerations"} & set(template["spec"]), name


def probe(template: Object, kind: str) -> Any:
    (container,) = template["spec"]["containers"]
    return container[f"{kind}Probe"]


def test_no_part_is_restarted_because_its_database_is_away(objects: list[Object]) -> None:
    """Killed again and again, it would wait up to five minutes longer than the database is away."""
    found = parts(objects)
    assert {name: probe(template, "liveness")["httpGet"]["path"] for name, template in found.items()} == {
        "Deployment/yard-api": "/internal/v1/live",
        "Deployment/yard-controller": "/live",
        "Deployment/yard-edge": "/ping",
        "Deployment/yard-hub": "/hub/health",
    }
    assert probe(found["Deployment/yard-api"], "startup")["httpGet"]["path"] == "/internal/v1/live"
    # The hub answers only when its database does: an hour for that.
    start = probe(found["Deployment/yard-hub"], "startup")
    assert start["periodSeconds"] * start["failureThreshold"] == 3600


def test_more_than_one_of_what_requests_go_through_stays_up(objects: list[Object]) -> None:
    for name in ("yard-api", "yard-edge"):
        assert find(objects, "PodDisruptionBudget", name)["spec"]["maxUnavailable"] == 1
        strategy = find(objects, "Deployment", name)["spec"]["strategy"]["rollingUpdate"]
        assert strategy == {"maxUnavailable": 0, "maxSurge": 1}


def test_the_users_namespace_takes_only_restricted_pods_and_outlives_the_release(objects: list[Object]) -> None:
    space = find(objects, "Namespace", "yard-users")["metadata"]
    assert space["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert space["annotations"]["helm.sh/resource-policy"] == "keep"


def test_namespaces_made_as_the_docs_say_have_the_labels_of_the_charts() -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    written = {
        name: dict(label.split("=") for label in labels.split())
        for name, labels in re.findall(r"^kubectl label namespace (\S+) (.*)$", page, re.MULTILINE)
    }
    made = {
        found["metadata"]["name"]: {
            label: value for label, value in found["metadata"]["labels"].items() if label.startswith("pod-security")
        }
        for found in rendered({"settings": {"s3": {"team_url": "s3://team"}}}, release="noteyard")
        if found["kind"] == "Namespace"
    }
    assert written == made


def test_only_who_must_has_a_token_for_kubernetes(objects: list[Object]) -> None:
    """The API's own is for asking about tokens of pods, where data is handed out."""
    roles = [found for found in objects if found["kind"] in ("Role", "ClusterRole")]
    for role in roles:
        for rule in role["rules"]:
            assert "*" not in [*rule["verbs"], *rule["resources"], *rule["apiGroups"]], role["metadata"]["name"]
    assert {role["metadata"].get("namespace") for role in roles if role["kind"] == "Role"} == {"yard-users"}
    edge = find(objects, "Deployment", "yard-edge")["spec"]["template"]["spec"]
    assert edge["automountServiceAccountToken"] is False


def checksums(values: dict[str, Any]) -> dict[str, Any]:
    return {name: template["metadata"].get("annotations", {}) for name, template in parts(rendered(values)).items()}


@pytest.mark.parametrize(
    ("settings", "restarted"),
    [
        ({"mail": {"host": "smtp"}}, {"api", "controller"}),
        ({"runs": {"concurrent": 7}}, {"api", "controller"}),
        ({"dashboards": {"preheat": 2}}, {"api", "controller"}),
        ({"labs": {"idle_minutes": 7}}, {"hub", "api", "controller"}),
        ({"profiles": [{"name": "b", "image": "c"}]}, {"hub", "api", "controller"}),
    ],
)
def test_a_setting_restarts_whom_it_concerns(settings: dict[str, Any], restarted: set[str]) -> None:
    before, after = checksums({}), checksums({"settings": settings})
    assert {name.removeprefix("Deployment/yard-") for name in before if before[name] != after[name]} == restarted


def test_nothing_restarts_for_what_is_not_a_setting() -> None:
    quiet = {"users": {"internet": False}, "edge": {"service": {"type": "LoadBalancer"}}, "ingress": {"enabled": True}}
    assert checksums({}) == checksums(quiet)


def test_a_certificate_is_used_by_the_edge_and_its_service_speaks_tls() -> None:
    objects = rendered({"edge": {"tlsSecret": "wild", "service": {"port": 443}}})
    (edge,) = find(objects, "Deployment", "yard-edge")["spec"]["template"]["spec"]["containers"]
    assert {"name": "TRAEFIK_ENTRYPOINTS_MAIN_HTTP_TLS", "value": "true"} in edge["env"]
    assert {"name": "tls", "mountPath": "/etc/noteyard/tls", "readOnly": True} in edge["volumeMounts"]


def test_an_ingress_leads_the_hub_and_both_wildcards_to_the_edge() -> None:
    ingress = find(rendered({"ingress": {"enabled": True, "tlsSecret": "wild"}}), "Ingress", "yard")["spec"]
    hosts = ["noteyard.example.org", "*.noteyard.example.org", "*.apps.example.net"]
    assert [rule["host"] for rule in ingress["rules"]] == hosts
    assert ingress["tls"] == [{"secretName": "wild", "hosts": hosts}]


def test_only_the_hub_gets_the_login_s_client_secret() -> None:
    login = {"method": "oauth", "client_id": "yard", "issuer": "https://sso.example.org/realms/team"}
    for given, name in (({"clientSecret": "s3cret"}, "yard-login"), ({"existingSecret": "theirs"}, "theirs")):
        made = rendered({"login": given, "settings": {"login": login}})
        for part, template in parts(made).items():
            secrets = [
                volume["secret"]["secretName"] for volume in template["spec"]["volumes"] if volume["name"] == "login"
            ]
            assert secrets == ([name] if part == "Deployment/yard-hub" else []), part
        settings = yaml.safe_load(find(made, "ConfigMap", "yard-settings")["data"]["noteyard.yaml"])
        assert settings["login"] == {**login, "client_secret_file": "/etc/noteyard/login/login-client-secret"}
        assert "s3cret" not in str([found for found in made if found["kind"] != "Secret"])
        kept = [found for found in made if found["kind"] == "Secret" and found["metadata"]["name"] == "yard-login"]
        assert [found["stringData"] for found in kept] == (
            [{"login-client-secret": "s3cret"}] if "clientSecret" in given else []
        )


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl on PATH")
def test_the_secret_of_the_docs_has_all_that_the_chart_would_generate(objects: list[Object], tmp_path: Path) -> None:
    page = (ROOT / "docs" / "kubernetes.md").read_text()
    (made_so,) = re.findall(r"```sh\n(mkdir -m 700 keys\n.*?)```", page, re.DOTALL)
    only_shown = 'kubectl() { command kubectl "$@" --dry-run=client -o json; }\n'
    done = subprocess.run(
        ["bash", "-euc", only_shown + made_so], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = {key: b64decode(value).decode() for key, value in json.loads(done.stdout)["data"].items()}
    assert made.keys() == find(objects, "Secret", "yard-secrets")["data"].keys()
    assert "PUBLIC KEY" in ViewerTokens(made.pop("viewer-key.pem")).public_pem
    assert all(re.fullmatch("[0-9a-f]{64}", secret) for secret in made.values())
    assert len(set(made.values())) == len(made)
    assert not list(tmp_path.iterdir())


def test_with_a_secret_of_one_s_own_two_renderings_are_the_same() -> None:
    given = {"existingSecret": "noteyard-keys"}
    assert rendered(given) == rendered(given)


def test_metrics_are_opened_to_those_who_read_them_and_no_other_port() -> None:
    assert not [found for found in rendered() if found["metadata"]["name"] == "yard-metrics"]
    monitoring = {"namespace": "monitoring", "labels": {"app.kubernetes.io/name": "prometheus"}}
    objects = rendered({"metrics": {"scrapers": [monitoring, {"cidr": "10.1.2.0/24"}]}})
    policy = find(objects, "NetworkPolicy", "yard-metrics")
    assert "namespace" not in policy["metadata"]
    assert policy["spec"] == {
        "podSelector": {
            "matchLabels": {"app.kubernetes.io/instance": "yard"},
            "matchExpressions": [
                {
                    "key": "app.kubernetes.io/component",
                    "operator": "In",
                    "values": ["hub", "api", "controller", "edge"],
                }
            ],
        },
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [
                    {
                        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}},
                        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
                    },
                    {"ipBlock": {"cidr": "10.1.2.0/24"}},
                ],
                "ports": [{"port": 8081}, {"port": 8000}, {"port": 8001}],
            }
        ],
    }
    opened = {port["port"] for port in policy["spec"]["ingress"][0]["ports"]}
    listened = {
        name: {port["containerPort"] for container in template["spec"]["containers"] for port in container["ports"]}
        for name, template in parts(objects).items()
    }
    assert {name.removeprefix("Deployment/yard-"): ports & opened for name, ports in listened.items()} == {
        "hub": {8081},
        "api": {8000},
        "controller": {8001},
        "edge": {8081},
    }
