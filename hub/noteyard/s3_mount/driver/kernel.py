"""mount(2), umount2(2), and what is mounted where."""

import ctypes
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MNT_FORCE = 1
MNT_DETACH = 2
UMOUNT_NOFOLLOW = 8

MOUNTINFO = Path("/proc/self/mountinfo")
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Mounted:
    """A line of mountinfo: device as `major:minor`, where, and the type of file system."""

    device: str
    path: str
    type: str


def mount(source: str, target: str, type: str, flags: int, options: str) -> None:
    """Raises OSError that names the target."""
    done = _libc.mount(source.encode(), os.fsencode(target), type.encode(), ctypes.c_ulong(flags), options.encode())
    if done != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def detach(path: str) -> None:
    """Take away all that is mounted at the path, whoever uses it, and end the requests that a FUSE mount has open.

    Nothing of a FUSE mount is asked: a server that is dead or hangs holds nothing up.
    """
    for found in mounted_at(path):
        if found.type.startswith("fuse"):
            # Ends the connection; that the mount itself is busy is expected.
            _libc.umount2(os.fsencode(path), MNT_FORCE | UMOUNT_NOFOLLOW)
    # One look a layer: mounts of several drivers may lie on each other after a crash.
    for _ in mounted_at(path):
        _libc.umount2(os.fsencode(path), MNT_DETACH | UMOUNT_NOFOLLOW)
    left = mounted_at(path)
    if left:
        raise OSError(f"{path} is still mounted ({left[-1].type})")


def mounted_at(path: str) -> list[Mounted]:
    """What is mounted exactly there, the lowest first."""
    return [found for found in mounts() if found.path == path]


def mounts() -> Iterator[Mounted]:
    """All mounts of this process' view."""
    for line in MOUNTINFO.read_text(errors="surrogateescape").splitlines():
        yield _mounted(line)


def _mounted(line: str) -> Mounted:
    before, _, after = line.partition(" - ")
    fields = before.split(" ")
    return Mounted(fields[2], _unescaped(fields[4]), after.split(" ")[0])


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
