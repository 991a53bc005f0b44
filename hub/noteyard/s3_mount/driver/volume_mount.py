"""The small tmpfs that a pod sees as its volume, and the mounts in it."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from noteyard.s3_mount.driver import kernel
from noteyard.s3_mount.driver.volumes import Volume
from noteyard.s3_mount.volume_layout import CONTROL

SOURCE = "noteyard-s3"
# A folder or a socket takes an inode and no block.
OPTIONS = "size=64k,nr_inodes=64,mode=0755,uid=0,gid=0"
FLAGS = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC


def make(volume: Volume) -> None:
    """Make the tmpfs with its folders be there; what is there already stays as it is. Raises OSError."""
    target = str(volume.target)
    volume.target.mkdir(mode=0o750, exist_ok=True)
    if not is_made(volume):
        kernel.mount(SOURCE, target, "tmpfs", FLAGS, OPTIONS)
    with opened(volume.target) as root:
        _folder(root, CONTROL, 0o711)
        for name in volume.folders:
            # While nothing is mounted, reading fails instead of finding nothing.
            if not kernel.mounted_at(f"{target}/{name}"):
                _folder(root, name, 0)


def is_made(volume: Volume) -> bool:
    """Whether the tmpfs is mounted at the target."""
    return any(found.type == "tmpfs" for found in kernel.mounted_at(str(volume.target)))


def remove(target: Path) -> None:
    """Take away the target with all that is mounted in it; fine when there is none. Raises OSError."""
    inside = [found.path for found in kernel.mounts() if found.path.startswith(f"{target}/")]
    # The deepest first. A path that occurs twice is detached whole at its first time.
    for path in sorted(set(inside), reverse=True):
        kernel.detach(path)
    kernel.detach(str(target))
    try:
        target.rmdir()
    except FileNotFoundError:
        return


@contextmanager
def opened(path: Path | str, within: int | None = None) -> Iterator[int]:
    """A descriptor of a folder that can't be led elsewhere by a link. Raises OSError."""
    descriptor = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=within)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def by_descriptor(descriptor: int, name: str = "") -> str:
    """A path for calls that take only paths, to what is open already (or to an entry of it)."""
    return f"/proc/self/fd/{descriptor}" + (f"/{name}" if name else "")


def _folder(root: int, name: str, mode: int) -> None:
    try:
        os.mkdir(name, mode, dir_fd=root)
    except FileExistsError:
        if not stat.S_ISDIR(os.stat(name, dir_fd=root, follow_symlinks=False).st_mode):
            raise
    # Whatever the umask is.
    Path(by_descriptor(root, name)).chmod(mode)
