"""A real ACME server (Pebble), with the DNS that it looks into for its challenges."""

import json
import os
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import trustme

from tests.support.ports import free_port
from tests.support.waiting import until

PROVIDER = """#!{python}
import json, sys, urllib.request
action, name, *value = sys.argv[1:]
told = {{"host": name, **({{"value": value[0]}} if action == "present" else {{}})}}
place = "set-txt" if action == "present" else "clear-txt"
urllib.request.urlopen("http://127.0.0.1:{management}/" + place, json.dumps(told).encode())
"""


@dataclass(frozen=True)
class Acme:
    """`settings` go into `tls`, `variables` are those of Noteyard's start."""

    settings: dict[str, Any]
    variables: dict[str, str]
    _log: Path
    _root: bytes

    def trusting(self) -> ssl.SSLContext:
        """Trusts what this server signs, and nothing else."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self._root.decode())
        return context

    def issued(self) -> int:
        """How many certificates it has signed."""
        return self._log.read_text().count("Issued certificate serial")


@contextmanager
def acme_server(folder: Path) -> Iterator[Acme]:
    """Runs while the block does; its files are in `folder`."""
    ports = {name: free_port() for name in ("directory", "roots", "dns", "management")}
    own = trustme.CA()
    own.cert_pem.write_to_path(folder / "own.pem")
    log, provider = folder / "pebble.log", folder / "provider"
    provider.write_text(PROVIDER.format(python=sys.executable, **ports))
    provider.chmod(stat.S_IRWXU)
    with log.open("wb") as output:
        started = [
            subprocess.Popen(words, stdout=output, stderr=output, env=env)
            for words, env in (
                (_dns(ports), None),
                (_pebble(folder, own, ports), {**os.environ, "PEBBLE_VA_NOSLEEP": "1"}),
            )
        ]
        try:
            yield Acme(
                settings={
                    "acme_email": "ops@example.com",
                    "acme_server": f"https://127.0.0.1:{ports['directory']}/dir",
                    "acme_dns_provider": "exec",
                    "acme_dns_resolvers": [f"127.0.0.1:{ports['dns']}"],
                },
                variables={"EXEC_PATH": str(provider), "LEGO_CA_CERTIFICATES": str(folder / "own.pem")},
                _log=log,
                _root=_root(folder / "own.pem", ports["roots"]),
            )
        finally:
            for process in started:
                process.kill()
                process.wait()


def _dns(ports: dict[str, int]) -> list[str]:
    unused = [word for name in ("http01", "https01", "tlsalpn01") for word in (f"-{name}", "")]
    places = ["-dns01", f"127.0.0.1:{ports['dns']}", "-management", f"127.0.0.1:{ports['management']}"]
    return ["pebble-challtestsrv", *unused, *places]


def _pebble(folder: Path, own: trustme.CA, ports: dict[str, int]) -> list[str]:
    made = own.issue_cert("127.0.0.1")
    made.private_key_pem.write_to_path(folder / "own-key.pem")
    made.cert_chain_pems[0].write_to_path(folder / "own-certificate.pem")
    config = {
        "listenAddress": f"127.0.0.1:{ports['directory']}",
        "managementListenAddress": f"127.0.0.1:{ports['roots']}",
        "certificate": str(folder / "own-certificate.pem"),
        "privateKey": str(folder / "own-key.pem"),
    }
    (folder / "pebble.json").write_text(json.dumps({"pebble": config}))
    return ["pebble", "-config", str(folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{ports['dns']}"]


def _root(own: Path, port: int) -> bytes:
    with httpx.Client(verify=ssl.create_default_context(cafile=str(own)), timeout=5) as client:

        def ask() -> bytes | None:
            try:
                return client.get(f"https://127.0.0.1:{port}/roots/0").raise_for_status().content
            except httpx.TransportError:
                return None

        return until(ask, 30, "the ACME server")
