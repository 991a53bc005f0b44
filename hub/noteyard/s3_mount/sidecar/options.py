"""What the sidecar is told: one JSON document in NOTEYARD_S3_MOUNT, made by backends/kubernetes/s3_pod.py.

Credentials are not in it: rclone finds them by itself as every AWS client does, by AWS_CONTAINER_CREDENTIALS_FULL_URI
with AWS_CONTAINER_AUTHORIZATION_TOKEN(_FILE), or by AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from noteyard.s3_mount.volume_layout import is_folder

VARIABLE = "NOTEYARD_S3_MOUNT"


@dataclass(frozen=True)
class Folder:
    """A folder of the volume and what it shows: a bucket, or what is below a prefix of it."""

    name: str
    bucket: str
    prefix: str = ""
    """Without slashes at its ends."""
    read_only: bool = False

    @property
    def location(self) -> str:
        """`bucket/prefix/`. Without the slash rclone would ask S3 whether it is a file, before it serves anything."""
        return f"{self.bucket}/{self.prefix}/" if self.prefix else f"{self.bucket}/"


@dataclass(frozen=True)
class Options:
    """Which folders, from where, and how much of the pod they may take."""

    folders: tuple[Folder, ...]
    endpoint: str | None = None
    """URL of the S3 server; None: AWS."""
    region: str = "us-east-1"
    provider: str = "Other"
    """rclone's name of the server's kind, which says how it differs from AWS."""
    uid: int = 1000
    gid: int = 1000
    """Whose the files are in the pod."""
    cache_mb: int = 2048
    """What all folders together keep on the node's disk of what was read and written."""
    streams: int = 1
    """By how many connections a file is read on end."""
    drain_seconds: float = 100
    """How long uploads may take after the pod was told to end."""
    volume: Path = field(default=Path("/s3"))
    cache: Path = field(default=Path("/cache"))
    status: Path = field(default=Path("/run/noteyard-s3"))

    @property
    def control(self) -> Path:
        """Where rclone listens: who reaches it there may do all that the credentials allow."""
        return self.cache / "control"


def options_from(environment: Mapping[str, str] = os.environ) -> Options:
    """Raises SystemExit that says what is wrong with the document."""
    try:
        given: dict[str, Any] = json.loads(environment[VARIABLE])
        return _options(given)
    except KeyError:
        raise SystemExit(f"{VARIABLE} is not set.") from None
    except (TypeError, ValueError) as error:
        raise SystemExit(f"{VARIABLE}: {error}") from None


def _options(given: dict[str, Any]) -> Options:
    if not isinstance(given, dict) or not given.get("folders"):
        raise ValueError("a document with at least one folder is needed")
    unknown = set(given) - {known.name for known in fields(Options)}
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    paths: dict[str, Any] = {name: Path(given[name]) for name in ("volume", "cache", "status") if name in given}
    folders = tuple(Folder(**one) for one in given["folders"])
    for folder in folders:
        if not is_folder(folder.name) or folder.prefix != folder.prefix.strip("/"):
            raise ValueError(f"{folder.name!r} with the prefix {folder.prefix!r} is no folder")
    return Options(**{**given, **paths, "folders": folders})
