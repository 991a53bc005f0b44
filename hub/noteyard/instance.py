"""One installation on disk: where things lie under the state folder, its secrets, and its parts' internal ports."""

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from noteyard.settings import Settings
from noteyard.whole_files import write_once

HEX_SECRETS = ("internal", "hub-api", "hub-cookie", "hub-crypt", "proxy", "signing", "supervisor")
PARTS = ("edge", "hub", "api", "controller", "s3")
PORTS = (*PARTS, "s3-metrics")
"""What has an internal port: each part, and what tells S3's metrics."""


@dataclass(frozen=True)
class Instance:
    """Paths of one state folder. Folders are 0700, secrets 0600.

    `addresses` are (part, internal URL) of parts that are not processes of this machine.
    """

    state: Path
    addresses: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> "Instance":
        return cls(settings.state, tuple(settings.kubernetes.addresses.items()))

    def folder(self, *parts: str) -> Path:
        """A folder under the state folder, made when missing."""
        path = self.state.joinpath(*parts)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.folder('db') / 'noteyard.sqlite'}"

    @property
    def hub_database_url(self) -> str:
        return f"sqlite:///{self.folder('db') / 'hub.sqlite'}"

    @property
    def objects(self) -> Path:
        """Releases, outputs and renderings."""
        return self.folder("objects")

    @property
    def s3(self) -> Path:
        """Each sub-folder is a bucket."""
        return self.folder("s3")

    @property
    def logs(self) -> Path:
        return self.folder("logs")

    @property
    def run(self) -> Path:
        """Generated configuration, sockets, port numbers: rewritten at each start."""
        return self.folder("run")

    def home(self, person: str) -> Path:
        return self.folder("homes", person)

    def work(self, id: str) -> Path:
        """The empty folder that an attempt or dashboard process works in."""
        return self.folder("work", id)

    def secret(self, name: str) -> str:
        return self.secret_file(name).read_text().strip()

    def secret_file(self, name: str) -> Path:
        return self.state / "secrets" / name

    def make_secrets(self) -> None:
        """Generate the secrets that are missing: hex strings, and the Ed25519 key that signs who is looking."""
        self.folder("secrets")
        for name in HEX_SECRETS:
            write_once(self.secret_file(name), secrets.token_hex(32))
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        write_once(self.secret_file("viewer-key.pem"), pem)

    def ports(self) -> dict[str, int]:
        """Internal ports (PORTS), as the last start chose them."""
        content: dict[str, int] = json.loads((self.run / "ports.json").read_text())
        return content

    def internal_url(self, part: str) -> str:
        """Base URL of a part for the other parts, without a slash at its end."""
        return dict(self.addresses).get(part) or f"http://127.0.0.1:{self.ports()[part]}"

    def listens(self, part: str) -> tuple[str, int]:
        """Address and port that a part binds: of loopback, or of its pod."""
        address = dict(self.addresses).get(part)
        if address is None:
            return "127.0.0.1", self.ports()[part]
        return "0.0.0.0", urlsplit(address).port or 80

    def began(self) -> datetime:
        """When the installation was started on this machine; in the first year where its parts come and go alone."""
        path = self.run / "ports.json"
        if self.addresses or not path.exists():
            return datetime.min.replace(tzinfo=UTC)
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
