"""The sidecar: what the hub side tells it, how it calls rclone, and what it says of itself."""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from noteyard.backends.kubernetes.s3_pod import Folder as Shown
from noteyard.backends.kubernetes.s3_pod import Sidecar, Storage, s3_parts
from noteyard.kubernetes_settings import Mount
from noteyard.s3_mount.driver.volumes import volume_from
from noteyard.s3_mount.sidecar import rclone, status
from noteyard.s3_mount.sidecar.options import Folder, Options, options_from

from tests.support.small_server import serving

MOUNT = Mount(driver="s3.example", image="example/mount:1", cache_size="1Gi", upload_seconds=60)
STORAGE = Storage([Shown("team", "acme", "team"), Shown("me", "acme-ada", read_only=True)], "http://s3:9000", "there")
SECRET = {"AWS_SECRET_ACCESS_KEY": "hush"}


def parts() -> Any:
    return s3_parts(MOUNT, STORAGE, Sidecar(environment=SECRET), "IfNotPresent")


def told() -> Options:
    (sidecar,) = parts().init_containers
    return options_from({one["name"]: one["value"] for one in sidecar["env"]})


def test_the_sidecar_understands_what_the_hub_side_tells_it() -> None:
    assert told() == Options(
        folders=(Folder("team", "acme", "team"), Folder("me", "acme-ada", read_only=True)),
        endpoint="http://s3:9000",
        region="there",
        uid=1000,
        gid=1000,
        cache_mb=1024,
        streams=1,
        drain_seconds=55,
    )


@pytest.mark.parametrize(
    ("endpoint", "streams"),
    [
        (None, 4),
        ("https://s3.eu-central-1.amazonaws.com", 4),
        ("https://svc.example.org", 4),
        ("http://10.0.0.7:9000", 4),
        ("http://minio:9000", 1),
        ("http://minio.storage.svc:9000", 1),
        ("http://minio.storage.svc.cluster.local", 1),
    ],
)
def test_a_server_behind_a_network_is_read_by_several_connections(endpoint: str | None, streams: int) -> None:
    def flags(mount: Mount) -> list[str]:
        storage = Storage([Shown("team", "acme", "team")], endpoint)
        (sidecar,) = s3_parts(mount, storage, Sidecar(), "IfNotPresent").init_containers
        options = options_from({one["name"]: one["value"] for one in sidecar["env"]})
        found = rclone.arguments(options, options.folders[0], 3)
        return found[found.index("--vfs-read-chunk-streams") :][:2] if "--vfs-read-chunk-streams" in found else []

    assert flags(MOUNT) == ([] if streams == 1 else ["--vfs-read-chunk-streams", str(streams)])
    assert flags(MOUNT.model_copy(update={"streams": 6})) == ["--vfs-read-chunk-streams", "6"]
    assert flags(MOUNT.model_copy(update={"streams": 1})) == []


def test_the_driver_takes_the_volume_that_the_hub_side_asks_for() -> None:
    asked = parts().volumes[0]["csi"]["volumeAttributes"]
    pods = Path("/var/lib/kubelet/pods")
    target = f"{pods}/some-pod/volumes/kubernetes.io~csi/noteyard-s3/mount"
    volume = volume_from("csi-1", target, {**asked, "csi.storage.k8s.io/ephemeral": "true"}, pods)
    assert (volume.folders, volume.uid) == (("team", "me"), 1001)


def test_the_sidecar_is_another_account_and_may_do_nothing_special() -> None:
    (sidecar,) = parts().init_containers
    security = sidecar["securityContext"]
    assert security["runAsUser"] == 1001 and security["runAsNonRoot"] and security["readOnlyRootFilesystem"]
    assert security["capabilities"] == {"drop": ["ALL"]} and not security["allowPrivilegeEscalation"]
    assert sidecar["restartPolicy"] == "Always"


def test_the_lab_sees_the_whole_volume_and_what_is_mounted_later() -> None:
    mounts = {mount["name"]: mount for mount in parts().mounts}
    volume = mounts["noteyard-s3"]
    assert volume == {"name": "noteyard-s3", "mountPath": "/home/jovyan/s3", "mountPropagation": "HostToContainer"}
    assert "noteyard-s3-cache" not in mounts  # rclone's control socket is in it
    assert mounts["noteyard-s3-status"]["readOnly"]


def test_without_a_driver_or_data_pods_stay_as_they_are() -> None:
    nothing = s3_parts(Mount(), STORAGE, Sidecar(), "Always")
    assert (nothing.volumes, nothing.init_containers, nothing.mounts) == ([], [], [])
    assert s3_parts(MOUNT, Storage([]), Sidecar(), "Always") == nothing


def test_rclone_gets_no_secret_by_its_arguments() -> None:
    options = told()
    environment = rclone.environment(options, {**SECRET, "NOTEYARD_S3_MOUNT": "…"})
    assert environment["AWS_SECRET_ACCESS_KEY"] == "hush" and "NOTEYARD_S3_MOUNT" not in environment
    assert environment["RCLONE_CONFIG_S3_ENDPOINT"] == "http://s3:9000"
    for folder in options.folders:
        words = rclone.arguments(options, folder, 7)
        assert "hush" not in " ".join(words)
        assert words[:4] == ["rclone", "mount2", f"S3:{folder.location}", "/dev/fd/7"]
        assert ("--read-only" in words) == folder.read_only
        assert words[words.index("--vfs-cache-max-size") + 1] == "512Mi"


def test_what_proxies_change_is_not_part_of_the_signature() -> None:
    signed: list[str] = []

    class Bucket(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            signed.append(self.headers["Authorization"].partition("SignedHeaders=")[2].partition(",")[0])
            body = b"<ListBucketResult><Name>acme</Name><IsTruncated>false</IsTruncated></ListBucketResult>"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    keys = {"AWS_ACCESS_KEY_ID": "key", **SECRET}
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Bucket)) as url:
        environment = rclone.environment(Options((Folder("team", "acme"),), endpoint=url), {**os.environ, **keys})
        command = [str(Path(sys.executable).with_name("rclone")), "lsf", "--config=", "S3:acme/"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert signed and all("host" in one.split(";") and "accept-encoding" not in one.split(";") for one in signed)


@pytest.mark.parametrize(
    ("folder", "location"),
    [(Folder("me", "acme"), "acme/"), (Folder("me", "acme", "people/ada"), "acme/people/ada/")],
)
def test_a_location_ends_with_a_slash(folder: Folder, location: str) -> None:
    """Without it rclone asks S3 before it serves, and no pod starts while S3 is away."""
    assert folder.location == location


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "NOTEYARD_S3_MOUNT is not set."),
        ("{", "NOTEYARD_S3_MOUNT: Expecting"),
        ("{}", "at least one folder is needed"),
        ('{"folders": [{"name": "team", "bucket": "b"}], "colour": 1}', "unknown: colour"),
        ('{"folders": [{"name": "../team", "bucket": "b"}]}', "'../team' with the prefix '' is no folder"),
        ('{"folders": [{"name": "team", "bucket": "b", "prefix": "/x"}]}', "'team' with the prefix '/x' is no folder"),
    ],
)
def test_options_that_are_wrong_are_said(document: str | None, said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        options_from({} if document is None else {"NOTEYARD_S3_MOUNT": document})
    assert said in str(ended.value)


def test_what_the_lab_is_told(tmp_path: Path) -> None:
    well = status.Status({"team": None, "me": None})
    away = status.Status({"team": None, "me": None}, "connection refused")
    unmounted = status.Status({"team": None, "me": "The node's driver does not answer."}, None)
    assert [(one.state, one.said()) for one in (well, away, unmounted)] == [
        ("ready", ""),
        (
            "away",
            "The storage does not answer: s3/team and s3/me can't be read or written until it does. All else works.",
        ),
        ("unmounted", "s3/me can't be used yet: the node is still mounting. All else works."),
    ]
    status.write(tmp_path, away)
    assert json.loads((tmp_path / "status.json").read_text())["state"] == "away"
    assert (tmp_path / "status.json").stat().st_mode & 0o777 == 0o644
