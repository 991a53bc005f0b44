"""What the node driver makes of a volume that a pod asks for, and of a target that the kubelet names."""

from pathlib import Path

import pytest
from noteyard.s3_mount.driver.volumes import Refused, Volume, checked_id, checked_target, volume_from

PODS = Path("/var/lib/kubelet/pods")
TARGET = f"{PODS}/0c7d1f5e-5d3c-4a53-8f27-0d7ac5a0f1b2/volumes/kubernetes.io~csi/noteyard-s3/mount"
ASKED = {
    "folders": "team,me",
    "uid": "1001",
    "csi.storage.k8s.io/ephemeral": "true",
    "csi.storage.k8s.io/pod.name": "lab-ada",
}


def test_a_volume_as_labs_ask_for_it() -> None:
    assert volume_from("csi-1f", TARGET, ASKED, PODS) == Volume("csi-1f", Path(TARGET), ("team", "me"), 1001)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"folders": "../etc"}, "'../etc' is no name of a folder"),
        ({"folders": "/etc"}, "'/etc' is no name of a folder"),
        ({"folders": "team/../me"}, "'team/../me' is no name of a folder"),
        ({"folders": ""}, "'' is no name of a folder"),
        ({"folders": "team,"}, "'' is no name of a folder"),
        ({"folders": ".ctl"}, "'.ctl' is no name of a folder"),
        ({"folders": "team\n"}, "is no name of a folder"),
        ({"folders": "team,me,team"}, "each name once, 8 at most"),
        ({"folders": ",".join("abcdefghi")}, "each name once, 8 at most"),
        ({"uid": "0"}, "'0' is no account's number from 1 to 2147483647"),
        ({"uid": "-1"}, "is no account's number"),
        ({"uid": "2147483648"}, "is no account's number"),
        ({"uid": "1001,user_id=0"}, "is no account's number"),
        ({"uid": ""}, "is no account's number"),
        ({"options": "suid"}, "Unknown volume attributes: options. There are folders and uid."),
        ({"csi.storage.k8s.io/ephemeral": "false"}, "Only volumes that a pod declares itself"),
    ],
)
def test_what_is_wrong_is_said(attributes: dict[str, str], said: str) -> None:
    with pytest.raises(Refused) as refused:
        volume_from("csi-1f", TARGET, {**ASKED, **attributes}, PODS)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "target",
    [
        "/etc",
        "/var/lib/kubelet/podsx/a/volumes/kubernetes.io~csi/v/mount",
        f"{PODS}/../../../etc/volumes/kubernetes.io~csi/v/mount",
        f"{PODS}/a/volumes/kubernetes.io~csi/../mount",
        f"{PODS}/a/volumes/kubernetes.io~csi/v..w/mount",
        f"{PODS}/a/volumes/kubernetes.io~csi/v/mount/",
        f"{PODS}/a/volumes/kubernetes.io~csi/v/mount\n",
        f"{PODS}/a/volumes/kubernetes.io~empty-dir/v/mount",
        f"{PODS}/a/b/volumes/kubernetes.io~csi/v/mount",
    ],
)
def test_only_places_of_pods_are_mounted_at(target: str) -> None:
    with pytest.raises(Refused, match="is not a pod's volume under"):
        checked_target(target, PODS)


@pytest.mark.parametrize("id", ["", "../csi", "a/b", ".hidden", "a\n", "a" * 129])
def test_ids_that_are_no_file_names_are_refused(id: str) -> None:
    with pytest.raises(Refused, match="is none of the kubelet's"):
        checked_id(id)
