"""The sockets in the volumes: whoever connects, and is the volume's account, gets the descriptor of a fresh mount."""

import logging
import os
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from noteyard.s3_mount.driver.fuse_mount import fresh_mount
from noteyard.s3_mount.driver.volume_mount import by_descriptor, opened
from noteyard.s3_mount.driver.volumes import Volume
from noteyard.s3_mount.volume_layout import CONTROL, HANDED_OVER, LONGEST_MESSAGE

log = logging.getLogger(__name__)
CREDENTIALS = struct.Struct("3i")
PAUSE_SECONDS = 0.2
"""After a handover its socket rests: a pod that connects without end takes no more of the driver than this."""


@dataclass
class _Door:
    """A listening socket of a volume's folder."""

    volume: Volume
    folder: str
    listening: socket.socket
    rests_until: float = field(default=0.0)


class Handover:
    """Listens for all volumes in one thread; nothing that a client does, or leaves undone, holds it up."""

    def __init__(self) -> None:
        self._doors: dict[str, list[_Door]] = {}
        self._lock = threading.RLock()
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        for end in (self._wake, self._woken):
            end.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="handover", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def listen(self, volume: Volume) -> None:
        """Listen in the volume, anew when there are sockets already. Raises OSError."""
        with self._lock:
            self.leave(volume.id)
            self._doors[volume.id] = [_door(volume, folder) for folder in volume.folders]
        self._look_again()

    def leave(self, id: str) -> None:
        """Listen in this volume no longer; once this has returned, nothing is mounted in it any more."""
        with self._lock:
            for door in self._doors.pop(id, []):
                if door.listening in self._selector.get_map():
                    self._selector.unregister(door.listening)
                door.listening.close()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select(self._arrange()):
                if key.fileobj is self._woken:
                    _drain(self._woken)
                else:
                    self._serve(key.data)

    def _arrange(self) -> float | None:
        """Wait for the doors that do not rest; returns seconds until the next one is to be waited for."""
        now = time.monotonic()
        soonest = None
        with self._lock:
            registered = self._selector.get_map()
            for door in (door for doors in self._doors.values() for door in doors):
                rest = door.rests_until - now
                if rest > 0:
                    soonest = rest if soonest is None else min(soonest, rest)
                elif door.listening not in registered:
                    self._selector.register(door.listening, selectors.EVENT_READ, door)
        return soonest

    def _serve(self, door: _Door) -> None:
        with self._lock:
            if door not in self._doors.get(door.volume.id, []):
                return
            self._selector.unregister(door.listening)
            door.rests_until = time.monotonic() + PAUSE_SECONDS
            try:
                connection, _ = door.listening.accept()
            except OSError:
                return  # it gave up again
            with connection:
                connection.setblocking(False)
                answer(connection, door.volume, door.folder, fresh_mount)

    def _look_again(self) -> None:
        try:
            self._wake.send(b"!")
        except BlockingIOError:
            return  # it is about to look


def answer(connection: socket.socket, volume: Volume, folder: str, mounting: Callable[[Volume, str, int], int]) -> None:
    """Send the descriptor that `mounting` gives, or say why not. No copy of the descriptor is left here."""
    _, uid, gid = CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size))
    if uid != volume.uid:
        log.warning("%s: account %d asked for %s, which is account %d's", volume.id, uid, folder, volume.uid)
        _say(connection, f"This socket is for the account {volume.uid}, and you are {uid}.")
        return
    try:
        descriptor = mounting(volume, folder, gid)
    except OSError as error:
        log.error("%s: %s can't be mounted: %s", volume.id, folder, error)
        _say(connection, f"The node can't mount: {error.strerror or error}.")
        return
    try:
        socket.send_fds(connection, [HANDED_OVER], [descriptor])
        log.info("%s: %s is mounted, its descriptor is account %d's", volume.id, folder, uid)
    except OSError as error:
        log.warning("%s: the descriptor of %s could not be handed over: %s", volume.id, folder, error)
    finally:
        os.close(descriptor)


def _say(connection: socket.socket, text: str) -> None:
    try:
        connection.send(text.encode()[:LONGEST_MESSAGE])
    except OSError as error:
        log.warning("an answer could not be sent: %s", error)


def _door(volume: Volume, folder: str) -> _Door:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with opened(volume.target) as root, opened(CONTROL, root) as control:
            with suppress(FileNotFoundError):
                os.unlink(folder, dir_fd=control)
            # The path itself is longer than a socket's address may be.
            path = by_descriptor(control, folder)
            listening.bind(path)
            Path(path).chmod(0o600)
            os.chown(path, volume.uid, -1, follow_symlinks=False)
        listening.setblocking(False)
        listening.listen(4)
    except BaseException:
        listening.close()
        raise
    return _Door(volume, folder, listening)


def _drain(end: socket.socket) -> None:
    try:
        while end.recv(100):
            pass
    except BlockingIOError:
        return
