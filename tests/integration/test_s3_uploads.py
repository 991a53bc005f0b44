"""Uploads in parts, slowly, and broken off: an object changes as a whole or not at all."""

import hashlib
import os
import re
import time
from collections.abc import Iterator

import pytest
from noteyard.api.s3_guard import S3Key
from noteyard.backends.local.s3_folder import S3Folder

from tests.support.s3_signer import Answer
from tests.support.s3_stack import ADA, BOB, Stack, s3_stack
from tests.support.waiting import until

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with s3_stack(tmp_path_factory.mktemp("state")) as running:
        yield running


def begin(stack: Stack, key: str) -> str:
    answer = stack.send("POST", f"/team/{key}?uploads")
    assert answer.status == 200, answer.body
    match = re.search(rb"<UploadId>([^<]+)</UploadId>", answer.body)
    assert match is not None
    return match[1].decode()


def part(stack: Stack, key: str, upload: str, number: int, body: bytes) -> str:
    answer = stack.send("PUT", f"/team/{key}?partNumber={number}&uploadId={upload}", body)
    assert answer.status == 200, answer.body
    return answer.headers["etag"]


def complete(stack: Stack, key: str, upload: str, tags: dict[int, str], sender: S3Key = ADA) -> Answer:
    parts = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{tag}</ETag></Part>" for n, tag in tags.items())
    body = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
    return stack.send("POST", f"/team/{key}?uploadId={upload}", body, key=sender)


def leftovers(stack: Stack) -> list[str]:
    return [path.name for path in stack.folder.rglob(".rclone*")]


def assert_swept(stack: Stack) -> None:
    """What is left of uploads is not listed, and goes when it is swept up."""
    assert b".rclone" not in stack.send("GET", "/team").body
    folder = S3Folder(stack.folder)
    assert folder.sweep(3600) == 0
    folder.sweep(0)
    assert leftovers(stack) == []


def test_an_upload_in_parts_replaces_the_object_when_it_is_complete(stack: Stack) -> None:
    stack.write("team/parts.bin")
    bodies = {number: os.urandom(5 * MIB + number) for number in (1, 2, 3)}
    upload = begin(stack, "parts.bin")
    # Out of order, and one of them twice.
    tags = {number: part(stack, "parts.bin", upload, number, bodies[number]) for number in (2, 1, 3, 1)}
    assert stack.send("GET", "/team/parts.bin").body == b"original"
    assert b"<Key>parts.bin</Key>" in stack.send("GET", "/team?uploads").body
    listed = stack.send("GET", f"/team/parts.bin?uploadId={upload}").body
    assert re.findall(rb"<PartNumber>(\d)</PartNumber>", listed) == [b"1", b"2", b"3"]
    answer = complete(stack, "parts.bin", upload, dict(sorted(tags.items())))
    assert (answer.status, answer.code) == (200, "")
    whole = b"".join(bodies[number] for number in (1, 2, 3))
    assert stack.send("GET", "/team/parts.bin", key=BOB).body == whole
    assert (stack.folder / "team/parts.bin").read_bytes() == whole
    assert not [name for name in leftovers(stack) if "parts" in name]


def test_an_upload_given_up_leaves_the_object(stack: Stack) -> None:
    stack.write("team/given-up.bin")
    upload = begin(stack, "given-up.bin")
    part(stack, "given-up.bin", upload, 1, b"x" * 100)
    assert stack.send("DELETE", f"/team/given-up.bin?uploadId={upload}").status == 204
    assert stack.send("GET", "/team/given-up.bin").body == b"original"
    assert_swept(stack)


def test_parts_belong_to_their_key_and_to_who_began(stack: Stack) -> None:
    stack.write("team/victim.bin")
    upload = begin(stack, "own.bin")
    tag = part(stack, "own.bin", upload, 1, b"x" * 100)
    for key, sender in (("victim.bin", ADA), ("own.bin", BOB), ("victim.bin", BOB)):
        target = f"/team/{key}?uploadId={upload}"
        assert stack.send("PUT", f"{target}&partNumber=2", b"y", key=sender).code == "NoSuchUpload"
        assert complete(stack, key, upload, {1: tag}, sender).code == "NoSuchUpload"
        assert stack.send("DELETE", target, key=sender).code == "NoSuchUpload"
    assert stack.send("GET", "/team/victim.bin").body == b"original"
    assert complete(stack, "own.bin", upload, {1: tag}).status == 200


@pytest.mark.parametrize("wrong", [{}, {1: '"0"'}, {2: "right"}, {1: "right", 3: "right"}])
def test_a_completion_that_does_not_fit_leaves_the_object(stack: Stack, wrong: dict[int, str]) -> None:
    stack.write("team/unfit.bin")
    upload = begin(stack, "unfit.bin")
    tags = {number: part(stack, "unfit.bin", upload, number, b"part %d" % number) for number in (1, 2, 3)}
    given = {number: tags[number] if tag == "right" else tag for number, tag in wrong.items()}
    assert complete(stack, "unfit.bin", upload, given).status == 400
    assert stack.send("GET", "/team/unfit.bin").body == b"original"


def test_parts_can_not_be_copied(stack: Stack) -> None:
    stack.write("team/source.bin")
    stack.write("team/target.bin")
    upload = begin(stack, "target.bin")
    answer = stack.send("PUT", f"/team/target.bin?partNumber=1&uploadId={upload}", x_amz_copy_source="/team/source.bin")
    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert stack.send("GET", "/team/target.bin").body == b"original"
    assert stack.send("GET", "/team/source.bin").body == b"original"


def test_a_body_broken_off_leaves_the_object(stack: Stack) -> None:
    stack.write("team/broken/off.bin")
    connection = stack.open_upload("/team/broken/off.bin", 10 * MIB)
    connection.send(b"x" * MIB)
    until(lambda: leftovers(stack), what="the upload's file")
    assert stack.send("GET", "/team/broken/off.bin").body == b"original"
    connection.close()
    assert stack.send("GET", "/team/broken/off.bin").body == b"original"
    assert_swept(stack)
    assert stack.contents()["team/broken/off.bin"] == b"original"


def test_frames_that_rclone_unpacks_are_unpacked(stack: Stack) -> None:
    stack.write("team/framed.txt")
    signature = b";chunk-signature=" + b"0" * 64
    body = b"3%b\r\nNEW\r\n4%b\r\nNESS\r\n0%b\r\n\r\n" % (signature, signature, signature)
    frames = {
        "x_amz_content_sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x_amz_decoded_content_length": "7",
        "content_encoding": "aws-chunked",
    }
    assert stack.send("PUT", "/team/framed.txt", body, key=ADA, **frames).status == 200
    answer = stack.send("GET", "/team/framed.txt")
    assert answer.body == b"NEWNESS"
    assert "content-encoding" not in answer.headers


def test_a_big_body_goes_through_and_a_refused_one_is_answered(stack: Stack) -> None:
    body = os.urandom(64 * MIB)
    assert stack.send("PUT", "/team/big.bin", body).status == 200
    assert stack.send("HEAD", "/team/big.bin").headers["etag"].strip('"') == hashlib.md5(body).hexdigest()
    assert stack.send("GET", "/team/big.bin", range="bytes=1000000-1000099").body == body[1000000:1000100]


def test_a_copy_has_the_content_and_leaves_the_source(stack: Stack) -> None:
    stack.write("team/from here+there.txt", b"copied")
    assert stack.send("PUT", "/my-ada/copy.txt", x_amz_copy_source="/team/from%20here%2Bthere.txt").status == 200
    assert stack.contents()["my-ada/copy.txt"] == b"copied"
    assert stack.contents()["team/from here+there.txt"] == b"copied"


@pytest.mark.slow
def test_an_upload_may_take_longer_than_a_minute(stack: Stack) -> None:
    stack.write("team/slow.bin")
    seconds = 75
    connection = stack.open_upload("/team/slow.bin", seconds * 1000)
    for turn in range(seconds):
        connection.send(b"%d" % (turn % 10) * 1000)
        time.sleep(1)  # the slow client itself, not a wait for anything
        if turn % 10 == 0:
            assert stack.send("GET", "/team/slow.bin").body == b"original"
    assert connection.getresponse().status == 200
    connection.close()
    expected = b"".join(b"%d" % (turn % 10) * 1000 for turn in range(seconds))
    assert stack.send("GET", "/team/slow.bin", key=BOB).body == expected
