"""Who connects to a volume's socket gets a descriptor, or is told why not; the driver keeps no copy."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from noteyard.s3_mount.driver.handover import answer
from noteyard.s3_mount.driver.volumes import Volume
from noteyard.s3_mount.sidecar.handover import NoMount, fresh_mount
from noteyard.s3_mount.volume_layout import CONTROL, HANDED_OVER


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with here, there:
        there.settimeout(5)
        yield here, there


def volume(uid: int) -> Volume:
    return Volume("csi-1", Path("/nowhere"), ("team",), uid)


def test_the_descriptor_goes_over_and_no_copy_stays(ends: tuple[socket.socket, socket.socket]) -> None:
    reader, writer = os.pipe()
    answer(ends[0], volume(os.getuid()), "team", lambda *_: writer)
    message, (received,), _, _ = socket.recv_fds(ends[1], 100, 1)
    assert message == HANDED_OVER
    os.write(received, b"x")
    os.close(received)
    # The end of the file comes only when nobody has the other end any more.
    assert (os.read(reader, 10), os.read(reader, 10)) == (b"x", b"")
    os.close(reader)


def test_no_copy_stays_when_the_other_has_hung_up(ends: tuple[socket.socket, socket.socket]) -> None:
    reader, writer = os.pipe()
    ends[1].close()
    answer(ends[0], volume(os.getuid()), "team", lambda *_: writer)
    assert os.read(reader, 10) == b""
    os.close(reader)


def test_another_account_is_refused_before_anything_is_mounted(ends: tuple[socket.socket, socket.socket]) -> None:
    def mounting(*_: object) -> int:
        raise AssertionError("it was mounted")

    answer(ends[0], volume(os.getuid() + 1), "team", mounting)
    said = f"This socket is for the account {os.getuid() + 1}, and you are {os.getuid()}."
    assert ends[1].recv(500).decode() == said


def test_a_mount_that_fails_is_told(ends: tuple[socket.socket, socket.socket]) -> None:
    def mounting(*_: object) -> int:
        raise OSError(19, "No such device", "/dev/fuse")

    answer(ends[0], volume(os.getuid()), "team", mounting)
    assert ends[1].recv(500) == b"The node can't mount: No such device."


def test_the_sidecar_says_that_no_driver_answers(tmp_path: Path) -> None:
    (tmp_path / CONTROL).mkdir()
    with pytest.raises(NoMount, match="The node's driver does not answer: No such file or directory"):
        fresh_mount(tmp_path, "team")
