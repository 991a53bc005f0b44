"""rclone's command line and environment for one folder. Pure."""

import os
from collections.abc import Mapping
from pathlib import Path

from noteyard.s3_mount.sidecar.options import VARIABLE, Folder, Options

REMOTE = "S3"
MEMORY_MB = 320
"""Where Go's collector begins to work harder; what is read is not kept in memory but in the cache on disk."""


def arguments(options: Options, folder: Folder, descriptor: int) -> list[str]:
    """The command that serves the folder over the descriptor of its mount."""
    found = {
        # Nothing but the environment configures it.
        "config": "",
        "cache-dir": str(options.cache / folder.name),
        "rc-addr": f"unix://{control_socket(options, folder)}",
        "uid": str(options.uid),
        "gid": str(options.gid),
        "umask": "022",
        **_caching(options),
        **_reading(options),
        # With rclone's own defaults, one `ls` blocks for minutes while S3 is away.
        "low-level-retries": "3",
        "retries": "1",
        "contimeout": "5s",
        "timeout": "20s",
        "log-level": "NOTICE",
    }
    # mount2 takes the descriptor of a mount in place of a path.
    command = ["rclone", "mount2", f"{REMOTE}:{folder.location}", f"/dev/fd/{descriptor}"]
    switches = ["--allow-non-empty", "--rc", "--rc-no-auth", "--use-server-modtime"]
    if folder.read_only:
        switches.append("--read-only")
    return [*command, *switches, *(word for name, value in found.items() for word in (f"--{name}", value))]


def _caching(options: Options) -> dict[str, str]:
    return {
        # Programs append, seek and write at once: only a file on disk can do that.
        "vfs-cache-mode": "full",
        "vfs-cache-max-size": f"{max(64, options.cache_mb // len(options.folders))}Mi",
        "vfs-cache-max-age": "24h",
        "vfs-cache-poll-interval": "15s",
        # What others write, and what one writes for others, is seen after seconds.
        "vfs-write-back": "1s",
        "dir-cache-time": "5s",
        "poll-interval": "0",
        "attr-timeout": "1s",
        # As the driver has set it on the mount.
        "max-read-ahead": "4Mi",
        # Keeps the download of a file that is read on end ahead of its reader; what is read ahead lies in the cache.
        "vfs-read-ahead": "32Mi",
        # Downloads and the cache are written side by side. Without it each reads and writes 32 kB in turn.
        "buffer-size": "4Mi",
    }


def _reading(options: Options) -> dict[str, str]:
    if options.streams == 1:
        return {}
    # As much again lies in memory for each file that is being read.
    return {"vfs-read-chunk-size": "4Mi", "vfs-read-chunk-streams": str(options.streams)}


def environment(options: Options, given: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The sidecar's own environment, with the remote in it."""
    kept = {name: value for name, value in given.items() if name != VARIABLE}
    remote = {
        "TYPE": "s3",
        "PROVIDER": options.provider if options.endpoint else "AWS",
        "ENV_AUTH": "true",
        "REGION": options.region,
        # A person's credentials may not ask for the bucket itself.
        "NO_CHECK_BUCKET": "true",
    }
    if options.endpoint:
        remote["ENDPOINT"] = options.endpoint
        # Google's front end and many a proxy change this header on the way, and the signature is wrong then.
        remote["SIGN_ACCEPT_ENCODING"] = "false"
    return {
        "AWS_EC2_METADATA_DISABLED": "true",
        "GOMEMLIMIT": f"{MEMORY_MB}MiB",
        **kept,
        **{f"RCLONE_CONFIG_{REMOTE}_{name}": value for name, value in remote.items()},
    }


def control_socket(options: Options, folder: Folder) -> Path:
    return options.control / f"{folder.name}.sock"
