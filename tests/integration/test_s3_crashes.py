"""The S3 server killed in the middle of uploads: an object is what it was or what was sent, whole."""

import threading
from collections.abc import Iterator

import pytest
from noteyard.backends.local.s3_folder import S3Folder

from tests.support.s3_stack import BOB, Stack, s3_stack
from tests.support.waiting import until

ROUNDS = 40
SIZE = 200_000


@pytest.fixture
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with s3_stack(tmp_path_factory.mktemp("state")) as running:
        yield running


@pytest.mark.faults
def test_a_server_killed_while_objects_are_replaced_loses_none(stack: Stack) -> None:
    assert stack.send("PUT", "/team/object.bin", b"0" * SIZE).status == 200
    file, stop = stack.folder / "team/object.bin", threading.Event()
    acknowledged: list[int] = []

    def replace() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            if stack.send("PUT", "/team/object.bin", b"%d" % (turn % 10) * SIZE, key=BOB).status == 200:
                acknowledged.append(turn)

    writer = threading.Thread(target=replace)
    writer.start()
    try:
        for _ in range(ROUNDS):
            before = len(acknowledged)
            until(lambda before=before: len(acknowledged) > before + 1, what="more uploads")  # type: ignore[misc]
            stack.runner.crash()
            content = file.read_bytes()
            assert len(content) == SIZE and len(set(content)) == 1
            stack.runner.start()
    finally:
        stop.set()
        writer.join()
    S3Folder(stack.folder).sweep(0)
    assert list(stack.contents()) == ["team/object.bin"]
    assert stack.send("GET", "/team/object.bin").body == file.read_bytes()
