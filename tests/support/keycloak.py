"""A real Keycloak that the tests start: its distribution by Maven, kept in the user's cache; a realm from JSON."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.support.ports import free_port
from tests.support.waiting import until

VERSION = "26.4.0"
COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
REALM = json.loads(Path(__file__).with_name("keycloak-realm.json").read_text())
PASSWORD = "correct horse battery"
ADMIN, ADMIN_PASSWORD = "admin", "the administrator of the tests"


@dataclass
class Keycloak:
    """A running server with the realm of the tests; people ada, bob, eve, grace, lin (see the JSON)."""

    url: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=300))

    @property
    def issuer(self) -> str:
        return f"{self.url}/realms/{REALM['realm']}"

    def client(self, name: str, base: str) -> str:
        """Register an installation of Noteyard at `base`; returns the client's secret."""
        secret = f"{name}-secret-of-the-tests"
        groups = {
            "name": "groups",
            "protocol": "openid-connect",
            "protocolMapper": "oidc-group-membership-mapper",
            "config": {
                "claim.name": "groups",
                "full.path": "true",
                "id.token.claim": "true",
                "access.token.claim": "true",
                "userinfo.token.claim": "true",
            },
        }
        made = {
            "clientId": name,
            "name": "Noteyard",
            "secret": secret,
            "redirectUris": [f"{base}/hub/oauth_callback"],
            "attributes": {
                "post.logout.redirect.uris": f"{base}/hub/logged-out",
                "backchannel.logout.url": f"{base}/hub/backchannel-logout",
                "backchannel.logout.session.required": "true",
            },
            "protocolMappers": [groups],
        }
        self.admin("POST", "/clients", made)
        return secret

    def put_into(self, person: str, *groups: str) -> None:
        """Have a person be in exactly these groups."""
        id = self.id_of(person)
        known = {group["name"]: group["id"] for group in self.admin("GET", "/groups")}
        for name in groups:  # first, for somebody without any would be shut out at once
            self.admin("PUT", f"/users/{id}/groups/{known[name]}")
        for group in self.admin("GET", f"/users/{id}/groups"):
            if group["name"] not in groups:
                self.admin("DELETE", f"/users/{id}/groups/{group['id']}")

    def change(self, person: str, **fields: Any) -> None:
        """Change a person, e.g. `enabled=False`."""
        id = self.id_of(person)
        self.admin("PUT", f"/users/{id}", {**self.admin("GET", f"/users/{id}"), **fields})

    def log_out(self, person: str) -> None:
        """End a person's sessions, as an administrator does."""
        self.admin("POST", f"/users/{self.id_of(person)}/logout")

    def sessions(self, person: str) -> int:
        """How many sessions a person has."""
        return len(self.admin("GET", f"/users/{self.id_of(person)}/sessions"))

    def id_of(self, person: str) -> str:
        (found,) = self.admin("GET", f"/users?exact=true&username={person}")
        return str(found["id"])

    def admin(self, method: str, path: str, body: Any = None, *, realm: bool = True) -> Any:
        """The administration's REST; an empty answer is None."""
        base = f"{self.url}/admin/realms" + (f"/{REALM['realm']}" if realm else "")
        answer = self.http.request(method, base + path, json=body, headers={"Authorization": f"Bearer {self._token()}"})
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def _token(self) -> str:
        form = {"client_id": "admin-cli", "grant_type": "password", "username": ADMIN, "password": ADMIN_PASSWORD}
        answer = self.http.post(f"{self.url}/realms/master/protocol/openid-connect/token", data=form)
        return str(answer.raise_for_status().json()["access_token"])


def distribution() -> Path:
    """The unpacked server; Maven fetches it the first time."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "noteyard-tests"
    cache.mkdir(parents=True, exist_ok=True)
    home = cache / f"keycloak-{VERSION}"
    with (cache / "keycloak.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / "bin" / "kc.sh").exists():
            for program, package in (("mvn", "maven"), ("java", "openjdk-17-jre-headless")):
                assert shutil.which(program), f"Keycloak needs {program}. Install it: sudo apt-get install {package}"
            archive = f"org.keycloak:keycloak-quarkus-dist:{VERSION}:tar.gz"
            command = ["mvn", "-q", "-B", COPY, f"-Dartifact={archive}", f"-DoutputDirectory={cache}"]
            subprocess.run(command, check=True, cwd=cache, timeout=900)
            packed = cache / f"keycloak-quarkus-dist-{VERSION}.tar.gz"
            unpacked = cache / f"unpacking-{VERSION}"
            with tarfile.open(packed) as tar:
                tar.extractall(unpacked, filter="data")
            (unpacked / f"keycloak-{VERSION}").rename(home)
            packed.unlink()
            shutil.rmtree(unpacked)
    return home


@contextmanager
def keycloak(log: Path, host: str = "127.0.0.1", port: int | None = None) -> Iterator[Keycloak]:
    """A server at `http://host:port` whose issuer is that address; it ends with the block.

    It takes a minute to start: while working on tests, NOTEYARD_TESTS_KEYCLOAK may name one that runs, with the
    administrator of above; its realm is made anew.
    """
    if given := os.environ.get("NOTEYARD_TESTS_KEYCLOAK"):
        running = Keycloak(given)
        with suppress(AssertionError):
            running.admin("DELETE", "")
        running.admin("POST", "", REALM, realm=False)
        yield running
        return
    port = port or free_port()
    command = [
        str(distribution() / "bin" / "kc.sh"),
        "start-dev",
        "--db=dev-mem",
        "--cache=local",
        f"--http-host={host}",
        f"--http-port={port}",
        f"--hostname=http://{host}:{port}",
    ]
    variables = {
        **os.environ,
        "JAVA_OPTS_KC_HEAP": "-Xms128m -Xmx512m",
        "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
        "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN_PASSWORD,
    }
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, env=variables, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    made = Keycloak(f"http://{host}:{port}")
    try:

        def answers() -> bool:
            assert process.poll() is None, log.read_text()[-3000:]
            with suppress(httpx.HTTPError):
                return made.http.get(f"{made.url}/realms/master").status_code == 200
            return False

        until(answers, 600, "Keycloak to answer")
        made.admin("POST", "", REALM, realm=False)
        yield made
    finally:
        made.http.close()
        # The script's Java too.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
