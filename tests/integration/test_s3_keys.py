"""Who sees what, and when: keys, revocation, and writes by another key or by path, over real Traefik and rclone."""

import http.client
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest
from noteyard.api.s3_guard import S3Key

from tests.support.s3_signer import send
from tests.support.s3_stack import ADA, BOB, SHOW, Stack, s3_stack
from tests.support.waiting import until


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with s3_stack(tmp_path_factory.mktemp("state")) as running:
        yield running


def texts(body: bytes, name: str) -> list[str]:
    return [
        element.text or "" for element in ElementTree.fromstring(body).iter() if element.tag.rpartition("}")[2] == name
    ]


def test_a_key_sees_its_own_buckets_only(stack: Stack) -> None:
    assert texts(stack.send("GET", "/").body, "Name") == ["my-ada", "team"]
    assert texts(stack.send("GET", "/", key=BOB).body, "Name") == ["my-bob", "team"]
    assert texts(stack.send("GET", "/", key=SHOW).body, "Name") == ["team"]


def test_what_one_keeps_no_other_key_reaches(stack: Stack) -> None:
    assert stack.send("PUT", "/my-ada/diary.txt", b"mine").status == 200
    for key in (BOB, SHOW):
        for method, target in (("GET", "/my-ada/diary.txt"), ("GET", "/my-ada"), ("HEAD", "/my-ada")):
            assert stack.send(method, target, key=key).status == 403
        for method in ("PUT", "DELETE"):
            assert stack.send(method, "/my-ada/diary.txt", b"", key=key).status == 403
    assert stack.send("PUT", "/my-bob/copy", key=BOB, x_amz_copy_source="/my-ada/diary.txt").status == 403
    assert stack.contents()["my-ada/diary.txt"] == b"mine"
    assert "my-bob/copy" not in stack.contents()


def test_a_reading_key_changes_nothing(stack: Stack) -> None:
    stack.write("team/shown.txt")
    assert stack.send("GET", "/team/shown.txt", key=SHOW).body == b"original"
    delete = b"<Delete><Object><Key>shown.txt</Key></Object></Delete>"
    for method, target, body in (
        ("PUT", "/team/shown.txt", b"NEW"),
        ("DELETE", "/team/shown.txt", b""),
        ("POST", "/team?delete", delete),
        ("POST", "/team/shown.txt?uploads", b""),
        ("PUT", "/team/new/", b""),
    ):
        answer = stack.send(method, target, body, key=SHOW)
        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert b"This access key may only read the bucket 'team'." in answer.body
    assert stack.contents()["team/shown.txt"] == b"original"


def test_rclone_itself_gives_a_key_no_more_than_its_buckets(stack: Stack) -> None:
    stack.write("my-bob/secret", b"bob's")
    port = stack.runner.server.port
    assert send(port, ADA, "GET", "/my-bob/secret", b"", {}).code == "NoSuchBucket"
    assert send(port, ADA, "PUT", "/my-bob/secret", b"NEW", {}).code == "NoSuchBucket"
    assert stack.contents()["my-bob/secret"] == b"bob's"


def test_a_revoked_key_stops_at_once_and_a_new_one_works_at_once(stack: Stack) -> None:
    stack.write("team/kept.txt")
    for turn in range(5):
        key = S3Key(f"NYAKTURN{turn}", f"secret{turn}", {"team": "write"})
        stack.keys.known[key.access_key] = key
        assert stack.send("GET", "/team/kept.txt", key=key).body == b"original"
        assert stack.send("PUT", "/team/turn.txt", b"1", key=key).status == 200
        del stack.keys.known[key.access_key]
        for method in ("GET", "PUT", "DELETE"):
            answer = stack.send(method, "/team/kept.txt", b"", key=key)
            assert (answer.status, answer.code) == (403, "InvalidAccessKeyId")
    assert stack.contents()["team/kept.txt"] == b"original"


def test_a_narrowed_key_is_narrow_at_once(stack: Stack) -> None:
    key = S3Key("NYAKNARROW", "secret", {"team": "write"})
    stack.keys.known[key.access_key] = key
    assert stack.send("PUT", "/team/narrow.txt", b"1", key=key).status == 200
    stack.keys.known[key.access_key] = S3Key(key.access_key, key.secret, {"team": "read"})
    assert stack.send("PUT", "/team/narrow.txt", b"2", key=key).status == 403
    assert stack.contents()["team/narrow.txt"] == b"1"


def test_writes_by_path_are_seen_at_once(stack: Stack) -> None:
    for turn in range(60):
        content = f"turn {turn}".encode() * (turn % 7 + 1)
        file = stack.write("team/by path/note.txt", content)
        for key in (ADA, BOB):
            assert stack.send("GET", "/team/by%20path/note.txt", key=key).body == content
            head = stack.send("HEAD", "/team/by%20path/note.txt", key=key)
            assert head.headers["content-length"] == str(len(content))
        new = stack.write(f"team/by path/{turn}.txt")
        listing = stack.send("GET", "/team?list-type=2&prefix=by%20path%2F", key=BOB).body
        assert f"by path/{turn}.txt" in texts(listing, "Key")
        new.unlink()
        file.unlink()
        assert stack.send("GET", "/team/by%20path/note.txt").status == 404
        assert texts(stack.send("GET", "/team?list-type=2&prefix=by%20path%2F").body, "Key") == []


def test_writes_by_another_key_are_seen_at_once_by_key_and_by_path(stack: Stack) -> None:
    for turn in range(60):
        content = f"turn {turn}".encode() * (turn % 7 + 1)
        assert stack.send("PUT", "/team/both/new/one.txt", content).status == 200
        assert (stack.folder / "team/both/new/one.txt").read_bytes() == content
        assert stack.send("GET", "/team/both/new/one.txt", key=BOB).body == content
        assert texts(stack.send("GET", "/team?prefix=both%2F", key=BOB).body, "Key") == ["both/new/one.txt"]
        assert stack.send("DELETE", "/team/both/new/one.txt", key=BOB).status == 204
        assert not (stack.folder / "team/both").exists()
        assert stack.send("GET", "/team/both/new/one.txt").status == 404


def test_readers_and_writers_at_once_see_whole_objects(stack: Stack) -> None:
    """Objects are replaced in one step, for readers by S3 and by path: nobody finds half of one, or none."""
    size, stop = 300_000, threading.Event()
    stack.send("PUT", "/team/whole.bin", b"0" * size)
    wrong: list[str] = []

    def write() -> None:
        try:
            for turn in range(60):
                answer = stack.send("PUT", "/team/whole.bin", str(turn % 10).encode() * size, key=BOB)
                if answer.status != 200:
                    wrong.append(f"written: {answer}")
        finally:
            stop.set()

    def read() -> None:
        while not stop.is_set():
            answer = stack.send("GET", "/team/whole.bin")
            if answer.status != 200 or len(answer.body) != size or len(set(answer.body)) != 1:
                wrong.append(f"read: {answer.status}, {len(answer.body)} bytes")

    def read_by_path() -> None:
        while not stop.is_set():
            content = (stack.folder / "team/whole.bin").read_bytes()
            if len(content) != size or len(set(content)) != 1:
                wrong.append(f"read by path: {len(content)} bytes")

    with ThreadPoolExecutor() as pool:
        done = [pool.submit(work) for work in (write, read, read, read_by_path)]
    for future in done:
        future.result()
    assert wrong == []


def test_the_etag_is_of_the_content_and_readers_learn_of_a_change(stack: Stack) -> None:
    stack.write("team/tagged.txt", b"first")
    etag = stack.send("HEAD", "/team/tagged.txt").headers["etag"]
    assert etag == '"8b04d5e3775d298e78455efc5ca404d5"'
    assert stack.send("GET", "/team/tagged.txt", range="bytes=0-1", if_match=etag).body == b"fi"
    assert stack.send("GET", "/team/tagged.txt", if_none_match=etag).status == 304
    stack.write("team/tagged.txt", b"other")
    assert stack.send("GET", "/team/tagged.txt", range="bytes=2-3", if_match=etag).code == "PreconditionFailed"
    assert stack.send("GET", "/team/tagged.txt", if_none_match=etag).body == b"other"
    assert stack.send("GET", "/team/gone.txt", if_match=etag).status == 404
    assert stack.send("GET", "/team/tagged.txt", if_match="*").body == b"other"


def test_the_program_that_rclone_asks_keeps_its_door(stack: Stack, tmp_path: Path) -> None:
    """Keys are told to holders of the internal secret alone, and rclone's command line holds no secret."""
    arguments = " ".join(psutil.Process(stack.rclone_pid).cmdline())
    secret = (stack.folder.parent / "secrets" / "internal").read_text()
    assert secret not in arguments and ADA.secret not in arguments
    target = f"/internal/v1/s3/keys/{ADA.access_key}"
    assert send(stack.port, ADA, "GET", target, b"", {}).status == 403
    environment = psutil.Process(stack.rclone_pid).environ()
    assert secret not in " ".join(environment.values())
    connection = http.client.HTTPConnection(environment["NOTEYARD_INTERNAL_URL"].removeprefix("http://"))
    connection.request("GET", target)
    assert connection.getresponse().status == 401
    connection.close()


def test_an_upload_under_way_costs_no_core(stack: Stack) -> None:
    """rclone's cleaning of its cache must not turn without a pause (see s3_server.py)."""
    process = psutil.Process(stack.rclone_pid)
    connection = stack.open_upload("/team/slow/up/load.bin", 1_000_001)
    connection.send(b"x" * 1_000_000)
    until(lambda: list((stack.folder / "team/slow/up").glob(".rclone_temp_*")), what="the upload's file")
    before, began = sum(process.cpu_times()[:2]), time.thread_time()
    while time.thread_time() - began < 1:
        pass  # whatever else is at work here: what turns like this gets as much of the processors in that time
    assert sum(process.cpu_times()[:2]) - before < 0.5
    connection.send(b"x")
    assert connection.getresponse().status == 200
    connection.close()


def test_deep_keys_work_and_hang_nothing(stack: Stack) -> None:
    deep = "/team/" + "deep/" * 63 + "file.txt"
    assert stack.send("PUT", deep, b"down here").status == 200
    assert stack.send("GET", deep).body == b"down here"
    assert stack.send("DELETE", deep).status == 204
    assert not (stack.folder / "team" / "deep").exists()
