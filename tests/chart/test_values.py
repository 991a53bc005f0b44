"""Values: checked strictly before anything is changed, and the same in values.yaml, the schema and the docs."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from chart_values import ChartValues
from noteyard.settings import Settings
from noteyard.settings_file import load

from tests.chart.rendering import CHART, find, helm, refusal, rendered


def test_helm_finds_nothing_to_complain_about() -> None:
    done = helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_defaults_of_values_yaml_are_those_of_the_docs_and_the_schema() -> None:
    written = yaml.safe_load((CHART / "values.yaml").read_text())
    settings = written.pop("settings")
    assert ChartValues.model_validate(written).model_dump(exclude_none=False) == ChartValues().model_dump()
    assert written == ChartValues().model_dump()
    assert set(settings) == {"urls", "profiles"}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"edge": {"replicas": 0}}, "'/edge/replicas': minimum: got 0, want 1"),
        ({"edge": {"replicass": 2}}, "'/edge': additional properties 'replicass' not allowed"),
        ({"image": "x"}, "additional properties 'image' not allowed"),
        ({"images": {"pullPolicy": "Sometimes"}}, "'/images/pullPolicy': value must be one of"),
        ({"settings": {"runs": {"concurrent": "many"}}}, "'/settings/runs/concurrent': got string, want integer"),
        ({"settings": {"runs": {"parallel": 2}}}, "'/settings/runs': additional properties 'parallel' not allowed"),
        ({"settings": {"port": 9000}}, "'/settings': additional properties 'port' not allowed"),
        ({"settings": {"kubernetes": {"homes": {"size": "10 GB"}}}}, "'/settings/kubernetes/homes/size': '10 GB' does"),
        ({"settings": {"profiles": []}}, "'/settings/profiles': minItems: got 0, want 1"),
        ({"database": {"url": "sqlite:///x"}}, "'/database/url': 'sqlite:///x' does not match pattern"),
        ({"users": {"reach": [{"ports": [1]}]}}, "users.reach: each needs a cidr, or a namespace"),
        ({"metrics": {"scrapers": [{"labels": {}}]}}, "metrics.scrapers: each needs a cidr, or a namespace"),
        *(
            ({"settings": {"urls": {name: url}}}, f"'/settings/urls/{name}': '{url}' does not match pattern")
            for name in ("hub", "apps")
            for url in ("noteyard.example.org", "https://noteyard.example.org/x", "https://", "https://a b")
        ),
        *(
            ({"users": {"forbid": [network]}}, f"'/users/forbid/0': '{network}' does not match pattern")
            for network in ("1.2.3.4", "10.0.0.1/33", "256.0.0.0/8", "fd00::/129", "fd00::", "example.org/8")
        ),
        ({"users": {"reach": [{"cidr": "10.0.0.1/33"}]}}, "'/users/reach/0/cidr': '10.0.0.1/33' does not match"),
        ({"edge": {"trustedProxies": ["10.0.0.1/33"]}}, "'/edge/trustedProxies/0': '10.0.0.1/33' does not match"),
        ({"edge": {"trustedProxies": ["balancer"]}}, "'/edge/trustedProxies/0': 'balancer' does not match"),
        ({"placement": {"tolerations": [{"kee": "a"}]}}, "'/placement/tolerations/0': additional properties 'kee' not"),
        ({"api": {"resources": {"limit": {}}}}, "'/api/resources': additional properties 'limit' not allowed"),
    ],
)
def test_a_wrong_value_is_refused_with_its_path(values: dict[str, Any], said: str) -> None:
    assert said in refusal(values)


def test_addresses_and_networks_in_all_their_spellings_are_taken() -> None:
    urls = {"hub": "https://noteyard.example.org:8443/", "apps": "http://[fd00::1]:8000"}
    networks = ["203.0.113.7/32", "0.0.0.0/1", "2001:db8::/32", "fd00::1/128", "::ffff:10.0.0.0/104"]
    rendered(
        {
            "settings": {"urls": urls},
            "users": {"forbid": networks, "reach": [{"cidr": network} for network in networks]},
            "edge": {"trustedProxies": [*networks, "10.0.0.1", "fd00::1"]},
        }
    )


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"database": {"url": ""}}, "database.url is needed: postgresql+psycopg://user:password@host:5432/noteyard"),
        ({"database": {"hubUrl": ""}}, "database.hubUrl is needed: another database than database.url"),
        ({"settings": {"urls": {"hub": ""}}}, "settings.urls.hub is needed"),
        ({"settings": {"urls": {"apps": ""}}}, "settings.urls.apps is needed"),
        ({"settings": {"profiles": [{"name": "a"}]}}, "settings.profiles: the profile a needs an image"),
        ({"objects": {"accessKey": "a"}}, "objects.secretKey belongs to objects.accessKey"),
    ],
)
def test_a_value_that_is_missing_is_asked_for_by_its_path(values: dict[str, Any], said: str) -> None:
    assert said in refusal(values)


def loaded(values: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The settings as the parts read them from what the chart writes."""
    written = find(rendered(values), "ConfigMap", "yard-settings")["data"]["noteyard.yaml"]
    (folder / "noteyard.yaml").write_text(written)
    for name in ("NOTEYARD_STATE", "NOTEYARD_DATABASE_URL", "NOTEYARD_HUB_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return load(folder)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"users": {"namespace": "place"}}, "users.namespace is place, the release's own: people's pods need another"),
        ({"mount": {"namespace": "place"}}, "mount.namespace is place, where other pods are"),
        ({"mount": {"namespace": "yard-users"}}, "mount.namespace is yard-users, where other pods are"),
    ],
)
def test_namespaces_that_are_shut_in_are_not_those_of_others(values: dict[str, Any], said: str) -> None:
    assert said in refusal({"settings": {"s3": {"team_url": "s3://team"}}, **values})


def test_the_settings_that_the_chart_writes_load_in_the_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "runs": {"concurrent": 9},
        "labs": {"idle_minutes": 15},
        "kubernetes": {"homes": {"size": "20Gi"}},
    }
    chart = {"edge": {"tlsSecret": "wild"}, "images": {"pullSecrets": ["mine"]}}
    settings = loaded({"settings": given, **chart}, tmp_path, monkeypatch)
    assert settings.shape == "kubernetes"
    assert (settings.runs.concurrent, settings.labs.idle_minutes, settings.kubernetes.homes.size) == (9, 15, "20Gi")
    assert settings.urls.hub == "https://noteyard.example.org"
    assert settings.kubernetes.release == "yard"
    assert settings.kubernetes.namespace == "yard-users"
    assert settings.kubernetes.addresses["api"] == "http://yard-api.place:8000"
    assert settings.kubernetes.image_pull_secrets == ["mine"]
    assert settings.profiles[0].image == "example/lab:1"
    assert str(settings.tls.certificate) == "/etc/noteyard/tls/tls.crt"


def test_amounts_of_the_mount_may_be_plain_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    amounts = {"requests": {"cpu": 0.05, "memory": "64Mi"}, "limits": {"cpu": 1, "memory": 536870912}}
    data = {"team_url": "s3://team", "endpoint": "https://s3.example.org"}
    values = {"settings": {"s3": data}, "mount": {"resources": amounts}}
    assert loaded(values, tmp_path, monkeypatch).kubernetes.mount.resources == amounts


def test_large_numbers_are_still_numbers_when_the_chart_has_written_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"runs": {"timeout_seconds": 30_000_000, "retry_base_seconds": 0.00001}}
    runs = loaded({"settings": given}, tmp_path, monkeypatch).runs
    assert (runs.timeout_seconds, runs.retry_base_seconds) == (30_000_000, 0.00001)
