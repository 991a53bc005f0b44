"""Traefik's static configuration on one machine."""

import json
from pathlib import Path
from typing import Any

import pytest
from noteyard.backends.local.edge import edge_command, static_config
from noteyard.instance import Instance
from noteyard.settings import Settings, Tls
from noteyard.url_settings import Urls
from noteyard.urls import PublicUrls

WILDCARDS = [{"main": "lab.example.org", "sans": ["*.lab.example.org"]}, {"main": "*.apps.example.net"}]
PORTS = {"edge": 15000, "hub": 15002, "api": 15001, "controller": 15003, "s3": 15004}


def config(tmp_path: Path, **fields: Any) -> dict[str, Any]:
    settings = Settings(state=tmp_path, **fields)
    instance = prepared(tmp_path)
    return static_config(settings, PublicUrls.of(settings), instance)


def prepared(tmp_path: Path) -> Instance:
    instance = Instance(tmp_path)
    instance.make_secrets()
    (instance.run / "ports.json").write_text(json.dumps(PORTS))
    return instance


def test_doors_routes_and_logs(tmp_path: Path) -> None:
    found = config(tmp_path)
    assert {name: point["address"] for name, point in found["entryPoints"].items()} == {
        "main": "127.0.0.1:8000",
        "s3": "127.0.0.1:8001",
        "internal": "127.0.0.1:15000",
    }
    for name in ("main", "s3"):
        assert found["entryPoints"][name]["transport"]["respondingTimeouts"]["readTimeout"] == 0
        assert "tls" not in found["entryPoints"][name].get("http", {})
    assert found["providers"]["http"]["endpoint"] == "http://127.0.0.1:15001/internal/v1/edge"
    assert found["ping"] == {"entryPoint": "internal"}
    assert found["metrics"] == {"prometheus": {"entryPoint": "internal", "addServicesLabels": False}}
    fields = found["accessLog"]["fields"]
    assert fields["queryParameters"] == {"defaultMode": "drop"}
    assert fields["headers"] == {"defaultMode": "drop", "names": {"X-Request-Id": "keep"}}


def test_a_viewer_can_not_say_by_another_spelling_what_the_edge_says_of_them(tmp_path: Path) -> None:
    points = config(tmp_path)["entryPoints"]
    assert points["main"]["http"]["aliasHeadersStrategy"] == "delete"
    assert points["s3"]["http"]["aliasHeadersStrategy"] == "keep"


def test_all_addresses_of_ipv6_are_written_in_brackets(tmp_path: Path) -> None:
    assert config(tmp_path, bind="::")["entryPoints"]["main"]["address"] == "[::]:8000"


def test_a_certificate_from_files_switches_tls_on_at_both_doors(tmp_path: Path) -> None:
    found = config(tmp_path, tls=Tls(certificate=Path("/c.pem"), key=Path("/k.pem")))
    assert found["entryPoints"]["main"]["http"]["tls"] == {}
    assert found["entryPoints"]["s3"]["http"]["tls"] == {}
    assert found["entryPoints"]["s3"]["http"]["sanitizePath"] is False
    assert "certificatesResolvers" not in found


@pytest.mark.parametrize(
    ("options", "names", "challenge"),
    [
        ({}, [{"main": "lab.example.org"}], {"tlsChallenge": {}}),
        ({"acme_dns_provider": "rfc2136"}, WILDCARDS, {"dnsChallenge": {"provider": "rfc2136"}}),
        (
            {"acme_dns_provider": "rfc2136", "acme_dns_resolvers": ["10.0.0.53:53"]},
            WILDCARDS,
            {
                "dnsChallenge": {
                    "provider": "rfc2136",
                    "resolvers": ["10.0.0.53:53"],
                    "propagation": {"disableANSChecks": True, "requireAllRNS": True},
                }
            },
        ),
    ],
)
def test_acme_asks_for_wildcards_only_where_it_can_get_them(
    tmp_path: Path, options: dict[str, Any], names: list[object], challenge: dict[str, object]
) -> None:
    urls = Urls(hub="https://lab.example.org", apps="https://apps.example.net", s3="https://s3.example.org")
    tls = Tls(acme_email="ops@example.org", acme_server="https://acme.example.org/dir", **options)
    found = config(tmp_path, urls=urls, tls=tls)
    assert found["entryPoints"]["main"]["http"]["tls"] == {"certResolver": "acme", "domains": names}
    assert found["entryPoints"]["s3"]["http"]["tls"]["domains"] == [{"main": "s3.example.org"}]
    assert found["certificatesResolvers"]["acme"]["acme"] == {
        "email": "ops@example.org",
        "storage": str(tmp_path / "secrets" / "acme.json"),
        "caServer": "https://acme.example.org/dir",
        **challenge,
    }


def test_the_file_with_the_secret_is_the_accounts_own(tmp_path: Path) -> None:
    instance = prepared(tmp_path)
    program, option = edge_command(Settings(state=tmp_path), instance)
    path = Path(option.removeprefix("--configFile="))
    assert path.stat().st_mode & 0o777 == 0o600
    assert instance.secret("internal") in path.read_text()
    assert instance.secret("internal") not in program + option
