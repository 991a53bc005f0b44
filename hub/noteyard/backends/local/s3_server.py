"""The command that runs the embedded S3: rclone over a plain folder, on loopback behind the edge. Pure."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from noteyard.backends.local import s3_auth_proxy, s3_launch

# rclone splits the command at blanks and knows no quotes; the paths in it may have blanks.
AUTH_PROXY = '/bin/sh -c exec${IFS}"$NOTEYARD_S3_PYTHON"${IFS}-I${IFS}-S${IFS}"$NOTEYARD_S3_AUTH_PROXY"'
LONGEST_TRANSFER = "24h"


@dataclass(frozen=True)
class S3Server:
    """Where the server listens (ports on 127.0.0.1), what it serves and where it asks about keys.

    Each sub-folder of `folder` is a bucket. `cache` is a folder of rclone's own: the MD5 sums of files.
    `internal_url` is the API's http://host:port, `secret_file` the 0600 file with the secret that it asks for.
    """

    port: int
    metrics_port: int
    folder: Path
    cache: Path
    internal_url: str
    secret_file: Path

    def argv(self, rclone: Path) -> tuple[str, ...]:
        """The command line; it holds no secret."""
        launch = (sys.executable, "-I", "-S", s3_launch.__file__)
        listen = ("--addr", f"127.0.0.1:{self.port}", "--metrics-addr", f"127.0.0.1:{self.metrics_port}")
        return (*launch, str(rclone), "serve", "s3", *_OPTIONS, *listen, "--cache-dir", str(self.cache))

    def environment(self) -> Mapping[str, str]:
        """Variables for the server and, by inheritance, for the program that it asks about keys."""
        return {
            "HOME": str(self.cache),
            "NOTEYARD_INTERNAL_URL": self.internal_url,
            "NOTEYARD_INTERNAL_SECRET_FILE": str(self.secret_file),
            "NOTEYARD_S3_FOLDER": str(self.folder),
            "NOTEYARD_S3_PYTHON": sys.executable,
            "NOTEYARD_S3_AUTH_PROXY": s3_auth_proxy.__file__,
        }


_OPTIONS = (
    *("--config", ""),
    *("--auth-proxy", AUTH_PROXY),
    # Folders are read anew by every request, so that what another key or a program writes is there at once. With 0,
    # rclone's cleaning of its cache turns without a pause: an upload takes a core, a deep key hangs the server.
    *("--dir-cache-time", "1ms"),
    *("--poll-interval", "0"),
    *("--vfs-cache-mode", "off"),
    # A request reads one range of one file: waiting for other readers and reading ahead only cost time.
    *("--vfs-read-wait", "0"),
    *("--buffer-size", "0"),
    # rclone compares what it has read with the file that has the name by then, perhaps another one.
    "--no-checksum",
    # Not idle time: the whole of a request.
    *("--server-read-timeout", LONGEST_TRANSFER),
    *("--server-write-timeout", LONGEST_TRANSFER),
    *("--max-header-bytes", "65536"),
    *("--log-format", "json"),
)
