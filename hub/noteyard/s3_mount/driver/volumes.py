"""A volume as a pod asks for it, checked: its attributes come from whoever may create pods. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from noteyard.s3_mount.volume_layout import FOLDERS, UID, is_folder

OF_KUBERNETES = "csi.storage.k8s.io/"
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
# <kubelet>/pods/<uid>/volumes/kubernetes.io~csi/<volume>/mount
TARGET = re.compile(r"[A-Za-z0-9-]{1,64}/volumes/kubernetes\.io~csi/[a-z0-9][a-z0-9.-]{0,252}/mount")
MOST_FOLDERS = 8
HIGHEST_UID = 2**31 - 1


class Refused(Exception):
    """What is wrong with the request, in one sentence."""


@dataclass(frozen=True)
class Volume:
    """One pod's volume: where the kubelet wants it, its folders, and the account that serves their files."""

    id: str
    target: Path
    folders: tuple[str, ...]
    uid: int


def volume_from(id: str, target: str, attributes: Mapping[str, str], pods: Path) -> Volume:
    """The volume of a NodePublishVolume. Raises Refused."""
    unknown = {name for name in attributes if not name.startswith(OF_KUBERNETES)} - {FOLDERS, UID}
    if unknown:
        raise Refused(f"Unknown volume attributes: {', '.join(sorted(unknown))}. There are {FOLDERS} and {UID}.")
    if attributes.get(f"{OF_KUBERNETES}ephemeral") != "true":
        raise Refused("Only volumes that a pod declares itself (csi: in its volumes) can be had.")
    return Volume(checked_id(id), checked_target(target, pods), _folders(attributes), _uid(attributes))


def checked_id(id: str) -> str:
    """The id, which names a file of the driver's. Raises Refused."""
    if ID.fullmatch(id) is None:
        raise Refused(f"The volume id {id[:200]!r} is none of the kubelet's.")
    return id


def checked_target(target: str, pods: Path) -> Path:
    """The path, when it is one that the kubelet gives to a volume of a pod. Raises Refused."""
    inside = target.removeprefix(f"{pods}/")
    if inside == target or TARGET.fullmatch(inside) is None or ".." in inside:
        raise Refused(f"The target path {target[:300]!r} is not a pod's volume under {pods}.")
    return Path(target)


def _folders(attributes: Mapping[str, str]) -> tuple[str, ...]:
    names = tuple(attributes.get(FOLDERS, "").split(","))
    for name in names:
        if not is_folder(name):
            raise Refused(
                f"Volume attribute {FOLDERS}: {name[:100]!r} is no name of a folder "
                "(lower-case letters, digits, inner hyphens; separated by commas)."
            )
    if len(set(names)) != len(names) or len(names) > MOST_FOLDERS:
        raise Refused(f"Volume attribute {FOLDERS}: each name once, {MOST_FOLDERS} at most.")
    return names


def _uid(attributes: Mapping[str, str]) -> int:
    text = attributes.get(UID, "")
    if not re.fullmatch(r"[1-9][0-9]{0,9}", text) or int(text) > HIGHEST_UID:
        raise Refused(f"Volume attribute {UID}: {text[:100]!r} is no account's number from 1 to {HIGHEST_UID}.")
    return int(text)
