"""What driver and sidecar agree on: where what lies in a volume, and what is said over its sockets. Pure.

A volume is a small tmpfs that belongs to root:

    team/        a folder of S3, once it is mounted; until then it opens to nobody
    me/
    .ctl/team    the socket that gives the descriptor of a fresh mount at team/ to who connects
    .ctl/me
"""

import re

CONTROL = ".ctl"
FOLDERS = "folders"
"""Volume attribute: names of the folders, separated by commas."""
UID = "uid"
"""Volume attribute: the account that serves the files, the only one that the sockets answer."""

FOLDER = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
HANDED_OVER = b"handed over"
"""The message that the descriptor comes with; any other message says why there is none."""
LONGEST_MESSAGE = 500


def is_folder(name: str) -> bool:
    """Whether `name` can be a folder of a volume; never a path, and never what starts with a dot."""
    return FOLDER.fullmatch(name) is not None
