"""The variables that a lab gets."""

from pathlib import Path

from noteyard.backends.local.lab_environment import Lab, lab_environment
from noteyard.backends.local.network_environment import network_environment
from noteyard.instance import Instance
from noteyard.settings import Profile
from noteyard.urls import PublicUrls

URLS = PublicUrls("http://localhost:8000", "http://apps.localhost:8000", "http://data.example.org:8001")


def test_a_lab_gets_what_is_listed_and_nothing_else_of_the_hubs(tmp_path: Path) -> None:
    theirs = {"PATH": "/hub/bin", "HTTPS_PROXY": "http://proxy:3128", "LANG": "de_DE.UTF-8"}
    secret = {"NOTEYARD_DATABASE_URL": "postgresql://u:p@db/x", "AWS_SECRET_ACCESS_KEY": "s", "CONFIGPROXY_TOKEN": "t"}
    lab = Lab("alice", Profile(name="default", cpu=1.5), Path("/env"))
    found = lab_environment(Instance(tmp_path), lab, URLS, {**theirs, **secret})
    assert not set(found) & set(secret)
    assert found["PATH"] == "/env/bin:/usr/local/bin:/usr/bin:/bin"
    assert found["HOME"] == str(tmp_path / "homes" / "alice")
    assert (found["HTTPS_PROXY"], found["LANG"]) == ("http://proxy:3128", "de_DE.UTF-8")
    assert (found["NOTEYARD_URL"], found["NOTEYARD_LAB"]) == ("http://localhost:8000", "alice")
    assert found["NOTEYARD_INSTANCE"] == str(tmp_path)
    assert found["NOTEYARD_PERSONAL"] == str(tmp_path / "homes" / "alice/.local/share/noteyard/default")
    assert found["OMP_NUM_THREADS"] == "2"


def test_proxies_and_certificates_go_on_and_noteyard_itself_is_asked_directly() -> None:
    given = {
        "HTTPS_PROXY": "http://proxy:3128",
        "NO_PROXY": "intranet, localhost",
        "SSL_CERT_FILE": "/ca.pem",
        "X": "y",
    }
    exceptions = "intranet,localhost,127.0.0.1,::1,apps.localhost,data.example.org"
    assert network_environment(given, URLS) == {
        "HTTPS_PROXY": "http://proxy:3128",
        "SSL_CERT_FILE": "/ca.pem",
        "NO_PROXY": exceptions,
        "no_proxy": exceptions,
    }


def test_without_a_proxy_there_are_no_exceptions() -> None:
    assert network_environment({"NO_PROXY": "intranet", "CURL_CA_BUNDLE": "/ca.pem"}, URLS) == {
        "CURL_CA_BUNDLE": "/ca.pem"
    }
