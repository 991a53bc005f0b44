"""A FUSE mount at a folder of a volume, whose descriptor is for somebody else."""

import logging
import os
import re
from pathlib import Path

from noteyard.s3_mount.driver import kernel
from noteyard.s3_mount.driver.volume_mount import by_descriptor, opened
from noteyard.s3_mount.driver.volumes import Volume

log = logging.getLogger(__name__)
DEVICE = "/dev/fuse"
TYPE = "fuse.noteyard-s3"
ROOT_MODE = f"{0o40000:o}"
BDI = Path("/sys/devices/virtual/bdi")
READ_AHEAD_KB = 4096
"""What the kernel reads ahead; more than its 128 kB lets several requests to S3 be under way."""


LARGEST_READ = 248 * 1024
"""Bytes of a request. rclone hands pages of its cache to the kernel by a pipe, without a copy, where answer and header
fit into it: 248 kB and the header into 256 kB. Larger requests need larger pipes, of which a user has few (1 MiB at
most each, 64 MiB in all by default, see pipe(7)), and are copied after a try that fails and is logged."""


def fresh_mount(volume: Volume, folder: str, gid: int) -> int:
    """Replace what is mounted at the folder by a mount that nobody serves yet; returns its descriptor.

    Nothing may look at the folder until the descriptor is served. Whoever has the descriptor must close it, or give it
    away and close it: while any copy is open, readers wait for answers. Raises OSError.
    """
    path = f"{volume.target}/{folder}"
    kernel.detach(path)
    descriptor = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
    try:
        whose = f"fd={descriptor},rootmode={ROOT_MODE},user_id={volume.uid},group_id={gid}"
        options = f"{whose},allow_other,max_read={LARGEST_READ}"
        with opened(volume.target) as root, opened(folder, root) as place:
            kernel.mount("noteyard-s3", by_descriptor(place), TYPE, kernel.MS_NOSUID | kernel.MS_NODEV, options)
        _read_ahead(path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _read_ahead(path: str) -> None:
    for found in kernel.mounted_at(path):
        if re.fullmatch(r"\d+:\d+", found.device):
            try:
                (BDI / found.device / "read_ahead_kb").write_text(str(READ_AHEAD_KB))
            except OSError as error:
                log.warning("reading ahead stays as the kernel has it, large files are read more slowly: %s", error)
