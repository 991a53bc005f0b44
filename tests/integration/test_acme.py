"""Certificates by ACME: asked for at a real server, proven by DNS, kept, and not needed for a start."""

import shutil
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.support.acme import Acme, acme_server
from tests.support.ports import free_port
from tests.support.product import Product
from tests.support.waiting import until

HUB, APPS, S3 = "noteyard.test", "apps.noteyard-apps.test", "s3.noteyard.test"

pytestmark = [pytest.mark.slow, pytest.mark.skipif(shutil.which("pebble") is None, reason="needs Pebble")]


@dataclass
class Certified(Product):
    """A product that has its certificates from an ACME server."""

    @property
    def url(self) -> str:
        return f"https://{HUB}:{self.port}"

    def names(self, name: str, port: int, trusted: ssl.SSLContext) -> set[str]:
        """The names in the certificate that is shown for a name; empty while it is not trusted."""
        try:
            with (
                socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
                trusted.wrap_socket(plain, server_hostname=name) as shown,
            ):
                found = shown.getpeercert() or {}
        except ssl.SSLCertVerificationError:
            return set()
        return {str(value) for _, value in found["subjectAltName"]}


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[Acme]:
    with acme_server(tmp_path) as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.variables.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture
def product(tmp_path: Path, acme: Acme) -> Iterator[Certified]:
    state, port = tmp_path / "state", free_port()
    state.mkdir()
    made = Certified(state, port)
    urls = {"hub": made.url, "apps": f"https://{APPS}:{port}", "s3": f"https://{S3}:{port + 1}"}
    (state / "noteyard.yaml").write_text(yaml.safe_dump({"port": port, "urls": urls, "tls": acme.settings}))
    assert "Its certificates are being asked for" in made.command("up", "--detach", seconds=180)
    yield made
    made.command("down", seconds=120)


def test_every_host_gets_a_certificate_and_keeps_it_over_a_restart(product: Certified, acme: Acme) -> None:
    trusted = acme.trusting()
    doors = {HUB: product.port, f"ada.{HUB}": product.port, f"sales.{APPS}": product.port, S3: product.port + 1}
    wanted = {HUB: {HUB, f"*.{HUB}"}, f"ada.{HUB}": {HUB, f"*.{HUB}"}, f"sales.{APPS}": {f"*.{APPS}"}}

    def certified() -> bool:
        shown = {name: product.names(name, port, trusted) for name, port in doors.items()}
        return all(shown.values()) and shown.items() >= wanted.items()

    until(certified, 240, "certificates for every host")
    assert (product.state / "secrets" / "acme.json").stat().st_mode & 0o777 == 0o600

    signed = acme.issued()
    product.command("down", seconds=120)
    assert "being asked for" not in product.command("up", "--detach", seconds=180)
    until(certified, 60, "the same certificates")
    assert acme.issued() == signed
