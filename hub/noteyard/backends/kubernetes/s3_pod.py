"""What a pod needs to have S3 as folders: the driver's volume, and the sidecar that serves it. Pure.

The sidecar's own options are `noteyard.s3_mount.sidecar.options`, which is another program's: they meet in JSON.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from noteyard.backends.kubernetes.manifests import HOME, UID, Manifest
from noteyard.kubernetes_settings import Mount

VOLUME, CACHE, STATUS = "noteyard-s3", "noteyard-s3-cache", "noteyard-s3-status"
PATH = f"{HOME}/s3"
STATUS_PATH = "/run/noteyard-s3"
SIDECAR = "s3-mount"
SIDECAR_UID = 1001
"""Not the account of people's code, which so can't reach the sidecar's sockets."""
OPTIONS = "NOTEYARD_S3_MOUNT"
MOST_OVER_CACHE = 4
"""A file that is written waits in the cache until it is uploaded, however large it is."""
UNITS = {"Mi": 1, "Gi": 1024, "Ti": 1024 * 1024}
READY_SECONDS = 60
STREAMS = 4
"""By how many connections a file is read from a server that gives one of them only a part of what it can."""


@dataclass(frozen=True)
class Folder:
    """What `s3/<name>` shows: what is below a prefix (without slashes at its ends) of a bucket."""

    name: str
    bucket: str
    prefix: str = ""
    read_only: bool = False


@dataclass(frozen=True)
class Storage:
    """Where the folders are: the server's URL (None: AWS), its region, and rclone's name of its kind."""

    folders: Sequence[Folder]
    endpoint: str | None = None
    region: str = "us-east-1"
    provider: str = "Other"


@dataclass(frozen=True)
class S3Parts:
    """To be added to a pod: `mounts` to its main container, the rest to the pod."""

    volumes: list[Manifest] = field(default_factory=list)
    init_containers: list[Manifest] = field(default_factory=list)
    mounts: list[Manifest] = field(default_factory=list)
    grace_seconds: int = 0
    """How much longer the pod may take to end, for what is still to be uploaded."""


@dataclass(frozen=True)
class Sidecar:
    """How the sidecar gets its credentials, variables of its environment and files; and whether it is waited for."""

    environment: Mapping[str, str] = field(default_factory=dict)
    volumes: Sequence[Manifest] = ()
    mounts: Sequence[Manifest] = ()
    awaited: bool = True
    """Whether the pod's main container starts only when the sidecar is ready."""


def s3_parts(mount: Mount, storage: Storage, credentials: Sidecar, pull_policy: str) -> S3Parts:
    """The parts of a pod in the Pod Security Standard `restricted`. Nothing when there is no driver, or no folder."""
    if mount.driver is None or mount.image is None or not storage.folders:
        return S3Parts()
    return S3Parts(
        volumes=[*_volumes(mount, storage), *credentials.volumes],
        init_containers=[_sidecar(mount, storage, credentials, pull_policy)],
        mounts=[
            # The whole volume: what is mounted in it later, in place of what failed, then shows up here too.
            {"name": VOLUME, "mountPath": PATH, "mountPropagation": "HostToContainer"},
            {"name": STATUS, "mountPath": STATUS_PATH, "readOnly": True},
        ],
        grace_seconds=mount.upload_seconds,
    )


def _volumes(mount: Mount, storage: Storage) -> list[Manifest]:
    attributes = {"folders": ",".join(folder.name for folder in storage.folders), "uid": str(SIDECAR_UID)}
    return [
        {"name": VOLUME, "csi": {"driver": mount.driver, "volumeAttributes": attributes}},
        {"name": CACHE, "emptyDir": {"sizeLimit": f"{MOST_OVER_CACHE * _megabytes(mount.cache_size)}Mi"}},
        {"name": STATUS, "emptyDir": {"sizeLimit": "1Mi"}},
    ]


def sidecar_security() -> Manifest:
    """The sidecar is another account than people's code, and shares its group."""
    return {
        "runAsUser": SIDECAR_UID,
        "runAsGroup": UID,
        "runAsNonRoot": True,
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def waiting_for(sidecar: Sidecar) -> Manifest:
    """What makes a pod's main container wait for the sidecar, as part of the sidecar's container."""
    ready = _probe(["test", "-e", f"{STATUS_PATH}/ready"], 1, READY_SECONDS)
    return {"startupProbe": ready} if sidecar.awaited else {}


def _sidecar(mount: Mount, storage: Storage, credentials: Sidecar, pull_policy: str) -> Manifest:
    environment = {OPTIONS: json.dumps(_options(mount, storage)), **credentials.environment}
    return {
        "name": SIDECAR,
        "image": mount.image,
        "imagePullPolicy": pull_policy,
        # A container that starts before the others, and ends after them.
        "restartPolicy": "Always",
        "command": ["python", "-P", "-m", "noteyard.s3_mount.sidecar"],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "resources": mount.resources,
        **waiting_for(credentials),
        "livenessProbe": _probe(["sh", "-c", f'test -n "$(find {STATUS_PATH}/status.json -mmin -2)"'], 30, 3),
        "securityContext": sidecar_security(),
        "volumeMounts": [
            {"name": VOLUME, "mountPath": "/s3", "mountPropagation": "HostToContainer"},
            {"name": CACHE, "mountPath": "/cache"},
            {"name": STATUS, "mountPath": STATUS_PATH},
            *credentials.mounts,
        ],
    }


def _options(mount: Mount, storage: Storage) -> dict[str, Any]:
    return {
        **asdict(storage),
        "uid": UID,
        "gid": UID,
        "cache_mb": _megabytes(mount.cache_size),
        "streams": mount.streams or (1 if _is_service(storage.endpoint) else STREAMS),
        # What is left of the pod's grace is for rclone to end.
        "drain_seconds": mount.upload_seconds - 5,
        "volume": "/s3",
        "cache": "/cache",
        "status": STATUS_PATH,
    }


def _probe(command: list[str], period: int, failures: int) -> Manifest:
    return {"exec": {"command": command}, "periodSeconds": period, "timeoutSeconds": 10, "failureThreshold": failures}


def _is_service(endpoint: str | None) -> bool:
    """Whether a URL names a Service of the cluster, as far as its name tells: `minio`, `minio.storage.svc`, …"""
    host = (urlsplit(endpoint).hostname or "") if endpoint else ""
    return bool(host) and ("." not in host or "svc" in host.split(".")[2:3])


def _megabytes(size: str) -> int:
    return int(size[:-2]) * UNITS[size[-2:]]
