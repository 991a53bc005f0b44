"""What pods get to reach the data, as whole objects."""

from pathlib import Path
from typing import Any

import pytest
from noteyard.backends.base import Start
from noteyard.backends.kubernetes.lab_environment import lab_environment
from noteyard.backends.kubernetes.manifests import RUNS, job
from noteyard.backends.kubernetes.platform import KubernetesPlatform
from noteyard.backends.kubernetes.s3_credentials import data_parts, with_parts
from noteyard.domain import DataUser
from noteyard.s3_mount.sidecar.credentials_options import credentials_options
from noteyard.s3_places import DataIdentity
from noteyard.settings import Settings

ADA = DataIdentity(DataUser.PERSON, "ada", "ada")
DASHBOARD = DataIdentity(DataUser.DASHBOARD, "ada", "d1.1.1")
DATA = {"team_url": "s3://team", "personal_url": "s3://people/{person}", "endpoint": "http://minio:9000"}
ENDPOINT = {
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9471/credentials",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/run/noteyard-s3/authorization",
}


def settings(folder: Path, data: dict[str, Any] | None = None, **kubernetes: Any) -> Settings:
    profile = {"name": "default", "title": "Data science", "image": "lab:1"}
    places = {"addresses": {"api": "http://api:8000", "hub": "http://hub:8081"}, "sidecar_image": "hub:1"}
    given: dict[str, Any] = {"shape": "kubernetes", "state": folder, "profiles": [profile], "s3": data or {}}
    return Settings(**given, kubernetes={**places, **kubernetes})


def test_without_data_pods_are_as_they_were(tmp_path: Path) -> None:
    made = settings(tmp_path)
    assert data_parts(made, ADA).init_containers == []
    assert KubernetesPlatform(made).data_environment(ADA, _no_key) == {}
    pod = job(RUNS, Start("r1.1", "t", "default", "ada"), made.profiles[0], made.kubernetes)["spec"]["template"]["spec"]
    assert with_parts(pod, data_parts(made, ADA)) == {**pod, "initContainers": []}


def test_a_lab_does_not_wait_for_its_sidecar(tmp_path: Path) -> None:
    (sidecar,) = data_parts(settings(tmp_path, DATA), ADA).init_containers
    assert sidecar["restartPolicy"] == "Always" and "startupProbe" not in sidecar


def test_the_sidecar_starts_first_and_alone_has_the_token(tmp_path: Path) -> None:
    made = settings(tmp_path, DATA)
    run = DataIdentity(DataUser.RUN, "ada", "r1.1")
    pod = job(RUNS, Start("r1.1", "t", "default", "ada"), made.profiles[0], made.kubernetes)["spec"]["template"]["spec"]
    found = with_parts(pod, data_parts(made, run))
    (sidecar,) = found["initContainers"]
    assert (sidecar["name"], sidecar["image"], sidecar["restartPolicy"]) == ("s3-mount", "hub:1", "Always")
    assert sidecar["startupProbe"]["exec"]["command"] == ["test", "-e", "/run/noteyard-s3/ready"]
    token = next(volume for volume in found["volumes"] if volume["name"] == "noteyard-token")
    assert token["projected"]["sources"] == [
        {"serviceAccountToken": {"audience": "noteyard", "expirationSeconds": 3600, "path": "token"}}
    ]
    (main,) = found["containers"]
    assert [mount["name"] for mount in sidecar["volumeMounts"]] == ["noteyard-s3-status", "noteyard-token"]
    assert [mount["name"] for mount in main["volumeMounts"]] == ["work", "home", "access", "noteyard-s3-status"]
    assert main["volumeMounts"][-1]["readOnly"] is True
    assert found["automountServiceAccountToken"] is False
    assert pod["containers"][0]["volumeMounts"] != main["volumeMounts"]  # what was given is as it was


def test_the_sidecar_understands_what_it_is_told(tmp_path: Path) -> None:
    (sidecar,) = data_parts(settings(tmp_path, DATA), ADA).init_containers
    told = {one["name"]: one["value"] for one in sidecar["env"]}
    options = credentials_options(told)
    assert options is not None
    assert (options.broker, options.port) == ("http://api:8000/internal/v1/s3/credentials", 9471)
    assert str(options.authorization) == told["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}.isdisjoint(told)


def test_the_sidecar_is_within_restricted(tmp_path: Path) -> None:
    (sidecar,) = data_parts(settings(tmp_path, DATA), ADA).init_containers
    security = sidecar["securityContext"]
    assert security["runAsNonRoot"] is True and security["runAsUser"] == 1001
    assert security["capabilities"] == {"drop": ["ALL"]} and security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True and security["seccompProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize(
    ("identity", "folders"),
    [
        (
            ADA,
            '[{"name": "team", "bucket": "team", "prefix": "", "read_only": false}, '
            '{"name": "me", "bucket": "people", "prefix": "ada", "read_only": false}]',
        ),
        (DASHBOARD, '[{"name": "team", "bucket": "team", "prefix": "", "read_only": true}]'),
    ],
)
def test_with_a_driver_the_same_sidecar_serves_folders_too(
    tmp_path: Path, identity: DataIdentity, folders: str
) -> None:
    made = settings(tmp_path, DATA, mount={"driver": "s3.noteyard", "image": "mount:1"})
    parts = data_parts(made, identity)
    (sidecar,) = parts.init_containers
    told = {one["name"]: one["value"] for one in sidecar["env"]}
    assert sidecar["image"] == "mount:1"
    assert f'"folders": {folders}' in told["NOTEYARD_S3_MOUNT"]
    assert '"endpoint": "http://minio:9000"' in told["NOTEYARD_S3_MOUNT"]
    assert ENDPOINT.items() <= told.items()  # rclone is one of the clients
    assert "noteyard-token" in {volume["name"] for volume in parts.volumes}
    assert "noteyard-token" not in {mount["name"] for mount in parts.mounts}


def test_peoples_code_is_told_where_and_no_secret(tmp_path: Path) -> None:
    made = settings(tmp_path, DATA)
    platform = KubernetesPlatform(made)
    shown = platform.data_environment(DASHBOARD, _no_key)
    assert ENDPOINT.items() <= shown.items()
    assert shown["NOTEYARD_TEAM_URL"] == "s3://team" and "NOTEYARD_MY_URL" not in shown
    lab = lab_environment(made, "ada", made.profiles[0])
    assert platform.data_environment(ADA, _no_key).items() <= lab.items()
    assert lab["NOTEYARD_MY_URL"] == "s3://people/ada"
    assert {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}.isdisjoint(lab)


def _no_key() -> Any:
    raise AssertionError("no lasting key is made for pods")


def test_with_a_driver_the_same_sidecar_serves_the_folders_and_has_time_to_upload(tmp_path: Path) -> None:
    mount = {"driver": "s3.example", "image": "mount:1", "upload_seconds": 90}
    made = settings(tmp_path, DATA, mount=mount)
    pod = job(RUNS, Start("r1.1", "t", "default", "ada"), made.profiles[0], made.kubernetes)["spec"]["template"]["spec"]
    found = with_parts(pod, data_parts(made, ADA))
    (sidecar,) = found["initContainers"]
    assert sidecar["image"] == "mount:1"
    assert {one["name"] for one in sidecar["env"]} >= {"NOTEYARD_S3_MOUNT", "NOTEYARD_S3_BROKER"}
    assert found["terminationGracePeriodSeconds"] == pod["terminationGracePeriodSeconds"] + 90
    paths = [mount["mountPath"] for mount in found["containers"][0]["volumeMounts"]]
    # The home first: the folders lie in it.
    assert paths.index("/home/jovyan") < paths.index("/home/jovyan/s3")
