"""Asks the node's driver for a fresh mount."""

import socket
from pathlib import Path

from noteyard.s3_mount.volume_layout import CONTROL, HANDED_OVER, LONGEST_MESSAGE

ANSWER_SECONDS = 10


class NoMount(Exception):
    """Why there is none, in one sentence."""


def fresh_mount(volume: Path, folder: str) -> int:
    """The descriptor of a new mount at the folder, which the caller closes once rclone has it. Raises NoMount."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(str(volume / CONTROL / folder))
            message, descriptors, _, _ = socket.recv_fds(connection, LONGEST_MESSAGE, 1)
        except OSError as error:
            raise NoMount(f"The node's driver does not answer: {error.strerror or error}.") from None
    if message != HANDED_OVER or not descriptors:
        raise NoMount(message.decode(errors="replace") or "The node's driver has hung up.")
    return descriptors[0]
