"""`config check`: what is missing, what it costs, what to do."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from noteyard.config_check import check
from noteyard.findings import Finding, Weight
from noteyard.settings import Settings

Known = Callable[[str], list[str]]


def everything(_: str) -> list[str]:
    return ["192.0.2.1"]


def nothing(_: str) -> list[str]:
    return []


def no_wildcards(host: str) -> list[str]:
    return [] if host.startswith("check") or host.split(".")[0].startswith("c") else ["192.0.2.1"]


def found(settings: dict[str, Any], resolving: Known = everything) -> list[Finding]:
    return check(Settings.model_validate(settings), resolving)


def messages(settings: dict[str, Any], resolving: Known = everything, weight: Weight | None = None) -> list[str]:
    return [f.message for f in found(settings, resolving) if weight is None or f.weight is weight]


PUBLIC = {
    "bind": "0.0.0.0",
    "urls": {"hub": "https://yard.example.org", "apps": "https://apps.example.net", "s3": "https://s3.example.org"},
}


@pytest.fixture
def certificate(tmp_path: Path) -> dict[str, str]:
    made = trustme.CA().issue_cert("yard.example.org", "*.yard.example.org", "*.apps.example.net", "s3.example.org")
    return written(tmp_path, made)


def written(folder: Path, made: trustme.LeafCert) -> dict[str, str]:
    files = {"certificate": folder / "certificate.pem", "key": folder / "key.pem"}
    files["certificate"].write_bytes(made.cert_chain_pems[0].bytes())
    files["key"].write_bytes(made.private_key_pem.bytes())
    return {name: str(path) for name, path in files.items()}


def test_defaults_are_fine() -> None:
    from noteyard.config_check import resolve

    assert found({}, resolve) == []


def test_a_whole_public_installation_is_fine(certificate: dict[str, str]) -> None:
    assert found({**PUBLIC, "tls": certificate}) == []


def test_links_that_lead_to_the_readers_own_machine() -> None:
    (first, *_) = found({"bind": "0.0.0.0"})
    assert first.message == (
        "bind is 0.0.0.0, but links lead to http://localhost:8000, which is each reader's own machine."
    )
    assert "urls.hub" in first.hint


def test_missing_names_and_wildcards(certificate: dict[str, str]) -> None:
    assert messages({**PUBLIC, "tls": certificate}, nothing) == [
        "yard.example.org (urls.hub) is not known to DNS.",
        "s3.example.org (urls.s3) is not known to DNS.",
        "Names below yard.example.org are not known to DNS, so labs can't be opened.",
        "Names below apps.example.net are not known to DNS, so dashboards can't be opened.",
    ]
    hints = [finding.hint for finding in found({**PUBLIC, "tls": certificate}, no_wildcards)]
    assert hints == [
        "Add the wildcard record *.yard.example.org that leads to this machine. "
        "Or set urls.lab_hosts: false, at the cost that it names then.",
        "Add the wildcard record *.apps.example.net that leads to this machine.",
    ]


def test_labs_on_one_origin_say_what_it_costs(certificate: dict[str, str]) -> None:
    settings = {**PUBLIC, "urls": {**PUBLIC["urls"], "lab_hosts": False}, "tls": certificate}  # type: ignore[dict-item]
    (only,) = found(settings)
    assert only.weight is Weight.WARNING
    assert "all labs share one origin with the hub" in only.message


def test_sibling_domains_say_what_it_costs(certificate: dict[str, str]) -> None:
    settings = {"bind": "0.0.0.0", "urls": {"hub": "https://yard.example.org", "s3": "https://s3.example.org"}}
    said = messages({**settings, "tls": certificate}, weight=Weight.WARNING)
    assert len(said) == 1
    assert said[0].startswith("apps.yard.example.org and yard.example.org are siblings below example.org: script")


def test_no_tls_on_a_public_address() -> None:
    urls = {"hub": "http://yard.example.org", "apps": "http://apps.example.net", "s3": "http://s3.example.org"}
    assert messages({"bind": "0.0.0.0", "urls": urls}) == [
        "http://yard.example.org is without TLS: passwords and data can be read on the network."
    ]


def test_https_without_a_certificate_may_be_a_proxy() -> None:
    (only,) = found(PUBLIC)
    assert only.weight is Weight.WARNING and "reverse proxy" in only.hint


def test_acme_without_a_dns_provider() -> None:
    (only,) = found({**PUBLIC, "tls": {"acme_email": "a@example.org"}})
    assert only.weight is Weight.PROBLEM and "tls.acme_dns_provider" in only.hint


def test_a_certificate_that_covers_too_little(tmp_path: Path) -> None:
    files = written(tmp_path, trustme.CA().issue_cert("yard.example.org"))
    assert messages({**PUBLIC, "tls": files}) == [
        f"The certificate {files['certificate']} does not cover *.apps.example.net, *.yard.example.org, s3.example.org."
    ]


def test_a_certificate_that_ends(tmp_path: Path) -> None:
    names = ("yard.example.org", "*.yard.example.org", "*.apps.example.net", "s3.example.org")
    soon = trustme.CA().issue_cert(*names, not_after=datetime.now(UTC) + timedelta(days=5, hours=1))
    files = written(tmp_path, soon)
    assert messages({**PUBLIC, "tls": files}) == [f"The certificate {files['certificate']} ends in 5 days."]


def test_a_key_of_another_certificate(tmp_path: Path, certificate: dict[str, str]) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(trustme.CA().issue_cert("else").private_key_pem.bytes())
    files = {**certificate, "key": str(other)}
    assert messages({**PUBLIC, "tls": files}) == [f"{other} is not the key of {certificate['certificate']}."]


def test_files_that_are_not_there_or_no_pem(tmp_path: Path, certificate: dict[str, str]) -> None:
    files = {**certificate, "certificate": str(tmp_path / "none.pem")}
    assert messages({**PUBLIC, "tls": files}) == [f"tls.certificate: {tmp_path / 'none.pem'} can't be read."]
    Path(certificate["certificate"]).write_text("hello")
    (said,) = messages({**PUBLIC, "tls": certificate})
    assert "is not a PEM file" in said


def test_an_environment_that_is_none(tmp_path: Path) -> None:
    settings = {"profiles": [{"name": "big", "environment": str(tmp_path)}]}
    (only,) = found(settings)
    assert only.message == f"Profile big: {tmp_path} is not a Python environment (it has no bin/python)."


def test_an_address_has_no_names_below_it() -> None:
    urls = {"hub": "http://192.0.2.7:8000", "apps": "http://192.0.2.7:8000", "s3": "http://192.0.2.7:8001"}
    said = messages({"bind": "0.0.0.0", "urls": urls}, weight=Weight.PROBLEM)
    assert said == [
        "labs need hosts of their own below 192.0.2.7, and an IP address has none.",
        "dashboards need hosts of their own below 192.0.2.7, and an IP address has none.",
    ]


def on_kubernetes(**urls: Any) -> dict[str, Any]:
    """What the chart writes, as the hub's pod has it: without the certificate's files."""
    tls = {"certificate": "/etc/noteyard/tls/tls.crt", "key": "/etc/noteyard/tls/tls.key"}
    public = {"hub": "https://yard.example.org", "apps": "https://apps.example.net", **urls}
    return {"shape": "kubernetes", "urls": public, "tls": tls, "profiles": [{"name": "default", "image": "lab:1"}]}


def test_on_kubernetes_only_the_certificate_is_left_to_look_at() -> None:
    (only,) = found(on_kubernetes())
    assert only.weight is Weight.UNCHECKED
    assert only.message == (
        "Whether the certificate in the Secret edge.tlsSecret covers yard.example.org, *.yard.example.org, "
        "*.apps.example.net, and until when: only the edge has it."
    )
    assert "kubectl get secret NAME -o jsonpath='{.data.tls\\.crt}'" in only.hint


def test_on_kubernetes_names_and_addresses_are_looked_at() -> None:
    assert messages(on_kubernetes(hub="https://yard.example.org/"), nothing, Weight.PROBLEM) == [
        "yard.example.org (urls.hub) is not known to DNS.",
        "Names below yard.example.org are not known to DNS, so labs can't be opened.",
        "Names below apps.example.net are not known to DNS, so dashboards can't be opened.",
    ]
    hints = [finding.hint for finding in found(on_kubernetes(), nothing) if finding.weight is Weight.PROBLEM]
    assert hints[0] == "Add a record for yard.example.org that leads to the edge's Service or Ingress."
    (only,) = found({**on_kubernetes(), "tls": {}})
    assert only.hint == "Right when a reverse proxy in front speaks TLS; else set the value edge.tlsSecret."
