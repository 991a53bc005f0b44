"""How a pod gets credentials for the data: a sidecar with a token of its own, and variables that lead to it. Pure.

The token is mounted in the sidecar alone, is of an audience that the Kubernetes API does not take, and ends with the
pod. The sidecar's own options are `noteyard.s3_mount.sidecar.credentials_options`, which is another program's: they
meet in variables.
"""

from collections.abc import Mapping

from noteyard.backends.kubernetes.manifests import Manifest
from noteyard.backends.kubernetes.s3_pod import (
    SIDECAR,
    STATUS,
    STATUS_PATH,
    Folder,
    S3Parts,
    Sidecar,
    Storage,
    s3_parts,
    sidecar_security,
    waiting_for,
)
from noteyard.domain import DataArea, DataUser
from noteyard.s3_places import DataIdentity, place_environment, places
from noteyard.s3_settings import S3
from noteyard.settings import Settings

AUDIENCE = "noteyard"
BROKER_PATH = "/internal/v1/s3/credentials"
TOKEN_SECONDS = 3600
TOKEN, TOKEN_PATH = "noteyard-token", "/run/noteyard-token"
PORT = 9471
FOLDERS = {DataArea.TEAM: "team", DataArea.OWN: "me"}


def data_environment(options: S3, identity: DataIdentity) -> Mapping[str, str]:
    """Variables of people's code: where the data is, and where credentials for it are to be had. No secret."""
    found = place_environment(options, identity)
    return {**found, **endpoint_environment()} if found else {}


def endpoint_environment() -> dict[str, str]:
    """Variables by which AWS clients find the sidecar; what is in the file tells that they are of this pod."""
    return {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{PORT}/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": f"{STATUS_PATH}/authorization",
    }


def data_parts(settings: Settings, identity: DataIdentity) -> S3Parts:
    """The sidecar, with folders where there is a driver. Nothing where the identity has no data."""
    found = places(settings.s3, identity)
    if not found:
        return S3Parts()
    # A lab's sidecar is ready before a person is; the first cell of a run would be too soon.
    awaited = identity.user is not DataUser.PERSON
    options, credentials = settings.kubernetes, _credentials(settings, awaited)
    if options.mount.driver is None:
        return _alone(settings, credentials)
    folders = [
        Folder(FOLDERS[area], place.bucket, place.prefix, place.access == "read") for area, place in found.items()
    ]
    storage = Storage(folders, settings.s3.endpoint, settings.s3.region)
    return s3_parts(options.mount, storage, credentials, options.image_pull_policy)


def with_parts(pod: Manifest, parts: S3Parts) -> Manifest:
    """A pod's spec with the parts in it; its first container is people's code."""
    main, *others = pod["containers"]
    return {
        **pod,
        "terminationGracePeriodSeconds": pod["terminationGracePeriodSeconds"] + parts.grace_seconds,
        "volumes": [*pod["volumes"], *parts.volumes],
        "initContainers": [*pod.get("initContainers", []), *parts.init_containers],
        "containers": [{**main, "volumeMounts": [*main["volumeMounts"], *parts.mounts]}, *others],
    }


def _credentials(settings: Settings, awaited: bool) -> Sidecar:
    token = {"serviceAccountToken": {"audience": AUDIENCE, "expirationSeconds": TOKEN_SECONDS, "path": "token"}}
    return Sidecar(
        environment={
            "NOTEYARD_S3_BROKER": f"{settings.kubernetes.addresses['api']}{BROKER_PATH}",
            "NOTEYARD_S3_TOKEN": f"{TOKEN_PATH}/token",
            "NOTEYARD_S3_SHARED": STATUS_PATH,
            "NOTEYARD_S3_PORT": str(PORT),
            **endpoint_environment(),
        },
        volumes=[{"name": TOKEN, "projected": {"sources": [token]}}],
        mounts=[{"name": TOKEN, "mountPath": TOKEN_PATH, "readOnly": True}],
        awaited=awaited,
    )


def _alone(settings: Settings, credentials: Sidecar) -> S3Parts:
    """A sidecar that serves credentials and no folders."""
    container = {
        "name": SIDECAR,
        "image": settings.kubernetes.sidecar_image,
        "imagePullPolicy": settings.kubernetes.image_pull_policy,
        # A container that starts before the others, and ends after them.
        "restartPolicy": "Always",
        "command": ["python", "-P", "-m", "noteyard.s3_mount.sidecar"],
        "env": [{"name": name, "value": value} for name, value in credentials.environment.items()],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}},
        **waiting_for(credentials),
        "securityContext": sidecar_security(),
        "volumeMounts": [{"name": STATUS, "mountPath": STATUS_PATH}, *credentials.mounts],
    }
    return S3Parts(
        volumes=[{"name": STATUS, "emptyDir": {"sizeLimit": "1Mi"}}, *credentials.volumes],
        init_containers=[container],
        mounts=[{"name": STATUS, "mountPath": STATUS_PATH, "readOnly": True}],
    )
