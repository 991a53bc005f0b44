"""What the sidecar is told about credentials, in variables that backends/kubernetes/s3_credentials.py sets."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CredentialsOptions:
    """Where credentials come from, and where they are served."""

    broker: str
    """URL that gives credentials to who shows the token."""
    token: Path
    """The pod's own token, which the kubelet renews in place."""
    shared: Path
    """Folder that people's code reads."""
    port: int
    """Port of loopback; 0: any."""

    @property
    def authorization(self) -> Path:
        """The file with what clients show, so that only what reads this pod's files gets credentials."""
        return self.shared / "authorization"


def credentials_options(environment: Mapping[str, str] = os.environ) -> CredentialsOptions | None:
    """None where no broker is named. Raises SystemExit that says which variable is missing or wrong."""
    if not environment.get("NOTEYARD_S3_BROKER"):
        return None
    try:
        return CredentialsOptions(
            broker=environment["NOTEYARD_S3_BROKER"],
            token=Path(environment["NOTEYARD_S3_TOKEN"]),
            shared=Path(environment["NOTEYARD_S3_SHARED"]),
            port=int(environment["NOTEYARD_S3_PORT"]),
        )
    except KeyError as error:
        raise SystemExit(f"{error.args[0]} is not set.") from None
    except ValueError as error:
        raise SystemExit(f"NOTEYARD_S3_PORT: {error}") from None
