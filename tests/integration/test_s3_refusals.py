"""What the embedded S3 refuses, over real Traefik, guard and rclone: after every call all content is what it was."""

import base64
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.s3_signer import send_plain, signed
from tests.support.s3_stack import ADA, BOB, SHOW, Stack, s3_stack

ORIGINALS = {
    "team/a.txt": b"original",
    "team/b.txt": b"another",
    "team/sub/in.txt": b"inner",
    "my-bob/secret": b"bob's",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with s3_stack(tmp_path_factory.mktemp("state of 'it'")) as stack:
        yield stack


@pytest.fixture
def stack(running: Stack) -> Iterator[Stack]:
    """The running S3 with a few files; afterwards nothing else may be there, in the buckets or beside them."""
    for path, content in ORIGINALS.items():
        running.write(path, content)
    yield running
    assert running.contents() == ORIGINALS
    assert sorted(path.name for path in running.folder.iterdir()) == ["my-ada", "my-bob", "team"]


SUBRESOURCES = (
    *("tagging", "acl", "legal-hold", "retention", "torrent", "restore", "select", "attributes", "versions", "append"),
    *("versionId=x", "versionId=null", "partNumber=1", "uploadId=", "uploadId=nope", "policy", "unknown=1"),
    *("x-amz-acl=public-read", "response-content-type=text%2Fplain", "renameObject", "uploads"),
)


@pytest.mark.parametrize("query", SUBRESOURCES)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_queries_it_does_not_do_change_nothing(stack: Stack, method: str, query: str) -> None:
    answer = stack.send(method, f"/team/a.txt?{query}", b"NEW" if method == "PUT" else b"")
    assert answer.status in (400, 404, 501)
    assert answer.headers["content-type"] in ("application/xml", "text/xml; charset=utf-8")
    assert answer.code


@pytest.mark.parametrize(
    "headers",
    [
        {"x_amz_tagging": "a=b"},
        {"x_amz_acl": "public-read"},
        {"x_amz_object_lock_mode": "GOVERNANCE", "x_amz_object_lock_retain_until_date": "2030-01-01T00:00:00Z"},
        {"x_amz_object_lock_legal_hold": "ON"},
        {"x_amz_server_side_encryption": "aws:kms"},
        {
            "x_amz_server_side_encryption_customer_algorithm": "AES256",
            "x_amz_server_side_encryption_customer_key": "eA==",
        },
        {"x_amz_storage_class": "GLACIER"},
        {"x_amz_website_redirect_location": "/x"},
        {"x_amz_write_offset_bytes": "8"},
        {"x_amz_expected_bucket_owner": "123456789012"},
        {"if_none_match": "*"},
        {"if_match": '"nope"'},
        {"x_amz_checksum_crc32": "AAAAAA=="},
        {"x_amz_checksum_sha256": base64.b64encode(hashlib.sha256(b"OTHER").digest()).decode()},
        {"content_md5": base64.b64encode(hashlib.md5(b"OTHER").digest()).decode()},
        {"content_md5": "rubbish"},
        {"content_encoding": "gzip"},
        {"content_encoding": "aws-chunked", "x_amz_decoded_content_length": "3"},
        {"x_amz_meta_colour": "red"},
        {"cache_control": "no-cache"},
        {"x_amz_copy_source": "/my-bob/secret"},
        {"x_amz_copy_source": "/team/../my-bob/secret"},
        {"x_amz_copy_source": "/team/%2e%2e/my-bob/secret"},
        {"x_amz_copy_source": "/team/b.txt?versionId=3"},
        {"x_amz_copy_source": "/team/b.txt", "x_amz_copy_source_if_match": '"nope"'},
        {"x_amz_copy_source": "/team/b.txt", "x_amz_metadata_directive": "REPLACE"},
        {"x_amz_copy_source": "/team/a.txt"},
        {"x_amz_copy_source": "/team/nothing"},
        {"x_amz_copy_source": "/team/sub"},
        {"x_amz_copy_source": "team"},
        {"x_amz_copy_source": ""},
        {"x_amz_rename_source": "/team/b.txt"},
    ],
)
def test_headers_it_does_not_do_change_nothing(stack: Stack, headers: dict[str, str]) -> None:
    answer = stack.send("PUT", "/team/a.txt", b"NEW", key=ADA, **headers)
    assert 400 <= answer.status < 600 and answer.status != 500
    assert answer.code


@pytest.mark.parametrize(
    "digest",
    [
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        "STREAMING-SOMETHING",
    ],
)
def test_bodies_in_frames_that_would_be_stored_with_them_change_nothing(stack: Stack, digest: str) -> None:
    body = b"3;chunk-signature=" + b"0" * 64 + b"\r\nNEW\r\n0;chunk-signature=" + b"0" * 64 + b"\r\n\r\n"
    frames = {"x_amz_content_sha256": digest, "x_amz_decoded_content_length": "3", "content_encoding": "aws-chunked"}
    assert (answer := stack.send("PUT", "/team/a.txt", body, key=ADA, **frames)).status == 501
    assert b"AWS_REQUEST_CHECKSUM_CALCULATION=when_required" in answer.body


@pytest.mark.parametrize("method", ["PUT", "DELETE", "GET", "HEAD"])
@pytest.mark.parametrize(
    "target",
    [
        "/team/../my-bob/secret",
        "/team/%2e%2e/my-bob/secret",
        "/team/%2E%2E/my-bob/secret",
        "/team/..%2fmy-bob%2fsecret",
        "/team/..%5c..%5cx",
        "/team/./a.txt",
        "/team//a.txt",
        "//team/a.txt",
        "/team/a.txt%2F",
        "/team/a.txt//",
        "/team%2Fa.txt",
        "/team/a.txt%00",
        "/team/x%00y",
        "/team/x%0Ay",
        "/team/x%7Fy",
        "/team/%E2%90%81",
        "/team/%E2%80%9B",
        "/team/%FF",
        "/team/.rclone_temp_put_1",
        "/team/" + "n" * 256,
        "/team/" + "d/" * 300 + "x",
        "/../team/a.txt",
        "/my-bob/secret",
        "/my-bob/new",
        "/elsewhere/new",
        "/%2e%2e/x",
    ],
)
def test_paths_that_lead_elsewhere_lead_nowhere(stack: Stack, method: str, target: str) -> None:
    answer = stack.send(method, target, b"NEW" if method == "PUT" else b"")
    backslashes = "%5c" in target
    if backslashes and method == "DELETE":
        assert answer.status == 204  # a name like any other
    elif backslashes and method == "PUT":
        assert answer.status == 200
        (stack.folder / "team" / "..\\..\\x").unlink()
    else:
        assert answer.status in (400, 403, 404)
        assert b"original" not in answer.body and b"bob's" not in answer.body


@pytest.mark.parametrize(
    ("method", "target", "status", "words"),
    [
        ("PUT", "/team/a.txt/", 400, "'a.txt' is a file: a folder and an object can't have the same name here."),
        ("PUT", "/team/a.txt/x", 400, "'a.txt' is a file, so nothing can be stored below it."),
        ("POST", "/team/a.txt/x?uploads", 400, "'a.txt' is a file, so nothing can be stored below it."),
        ("PUT", "/team/sub", 400, "'sub' is a folder: a folder and an object can't have the same name here."),
        ("POST", "/team/sub?uploads", 400, "'sub' is a folder"),
        ("DELETE", "/team/a.txt/x", 204, ""),
        ("DELETE", "/team/a.txt/", 204, ""),
        ("DELETE", "/team/sub", 204, ""),
        ("DELETE", "/team/sub/", 204, ""),
        ("GET", "/team/a.txt/x", 404, ""),
        ("GET", "/team/sub", 404, ""),
    ],
)
def test_files_and_folders_do_not_damage_each_other(
    stack: Stack, method: str, target: str, status: int, words: str
) -> None:
    answer = stack.send(method, target)
    assert answer.status == status
    assert words in answer.body.decode()


def test_a_copy_onto_a_folder_is_refused(stack: Stack) -> None:
    assert stack.send("PUT", "/team/sub", x_amz_copy_source="/team/b.txt").code == "InvalidRequest"


def test_a_folder_has_no_content(stack: Stack) -> None:
    assert stack.send("PUT", "/team/new/", b"content").code == "InvalidRequest"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<Delete><Object><Key>a.txt/x</Key></Object></Delete>", ""),
        (b"<Delete><Object><Key>a.txt/</Key></Object></Delete>", ""),
        (b"<Delete><Object><Key>sub</Key></Object></Delete>", ""),
        (b"<Delete><Object><Key>../my-bob/secret</Key></Object></Delete>", "InvalidArgument"),
        (b"<Delete><Object><Key>/a.txt</Key></Object></Delete>", "InvalidArgument"),
        (b"<Delete><Object><Key>a.txt</Key><VersionId>3</VersionId></Object></Delete>", "NotImplemented"),
        (b"<Delete><Object><Key>a.txt</Key><ETag>x</ETag></Object></Delete>", "NotImplemented"),
        (b"<Delete/>", "MalformedXML"),
        (b"junk", "MalformedXML"),
    ],
)
def test_deletes_of_many_take_what_is_named_and_nothing_else(stack: Stack, body: bytes, code: str) -> None:
    answer = stack.send("POST", "/team?delete", body)
    assert (answer.status, answer.code) == (400 if code == "MalformedXML" else 200, code)


def test_a_delete_of_many_with_another_body_than_signed_is_refused(stack: Stack) -> None:
    body = b"<Delete><Object><Key>a.txt</Key></Object></Delete>"
    other = hashlib.sha256(b"other").hexdigest()
    assert stack.send("POST", "/team?delete", body, x_amz_content_sha256=other).code == "XAmzContentSHA256Mismatch"
    assert stack.send("POST", "/team?delete", body, x_amz_checksum_crc32="AAAAAA==").code == "BadDigest"
    assert stack.send("POST", "/team?delete", body, x_amz_mfa="1 2").code == "NotImplemented"


@pytest.mark.parametrize(
    ("method", "target", "code"),
    [
        ("PUT", "/brandnew", "AccessDenied"),
        ("PUT", "/team", "BucketAlreadyOwnedByYou"),
        ("DELETE", "/team", "AccessDenied"),
        ("DELETE", "/my-ada", "AccessDenied"),
        ("DELETE", "/my-ada/", "AccessDenied"),
        ("POST", "/team", "NotImplemented"),
        ("PUT", "/team?versioning", "NotImplemented"),
        ("PUT", "/team?acl", "NotImplemented"),
        ("PUT", "/team?policy", "NotImplemented"),
        ("DELETE", "/team?lifecycle", "NotImplemented"),
        ("PATCH", "/team/a.txt", "MethodNotAllowed"),
        ("OPTIONS", "/team/a.txt", "MethodNotAllowed"),
    ],
)
def test_buckets_are_not_made_changed_or_removed(stack: Stack, method: str, target: str, code: str) -> None:
    answer = stack.send(method, target)
    assert answer.code == code


@pytest.mark.parametrize("method", ["PUT", "DELETE", "GET", "HEAD", "POST"])
def test_without_a_good_signature_nothing_happens(stack: Stack, method: str) -> None:
    for target in ("/team/a.txt", "/team/sub/", "/team?delete", "/", "/team"):
        assert send_plain(stack.port, method, target, b"NEW", {}).status in (403, 405, 501)
        headers = signed(ADA, method, f"127.0.0.1:{stack.port}", target, b"NEW", {})
        headers["authorization"] = headers["authorization"][:-64] + "0" * 64
        assert send_plain(stack.port, method, target, b"NEW", headers).status >= 400
        headers = signed(ADA, method, f"127.0.0.1:{stack.port}", target, b"NEW", {})
        headers["x-amz-date"] = "20200101T000000Z"
        assert send_plain(stack.port, method, target, b"NEW", headers).status >= 400


def test_one_key_can_not_be_shown_and_another_used(stack: Stack) -> None:
    target = "/my-bob/secret"
    headers = signed(ADA, "GET", f"127.0.0.1:{stack.port}", target, b"", {})
    headers["authorization"] = headers["authorization"].replace(ADA.access_key, BOB.access_key)
    assert send_plain(stack.port, "GET", target, b"", headers).status == 403
    headers = signed(SHOW, "PUT", f"127.0.0.1:{stack.port}", "/team/a.txt", b"NEW", {})
    twice = f"{headers['authorization']}, Credential={ADA.access_key}/20261122/x/s3/aws4_request"
    assert send_plain(stack.port, "PUT", "/team/a.txt", b"NEW", {**headers, "authorization": twice}).status == 400


def test_headers_named_as_hop_by_hop_do_not_slip_past(stack: Stack) -> None:
    headers = {"x_amz_tagging": "a=b", "connection": "x-amz-tagging"}
    assert stack.send("PUT", "/team/a.txt", b"NEW", key=ADA, **headers).status in (403, 501)
    headers = {"x_amz_copy_source": "/my-bob/secret", "connection": "x-amz-copy-source"}
    assert stack.send("PUT", "/team/a.txt", b"", key=ADA, **headers).status == 403
    forwarded = {"x_forwarded_uri": "/team/b.txt", "x_forwarded_method": "GET"}
    assert stack.send("PUT", "/my-bob/secret", b"NEW", key=ADA, **forwarded).status == 403


def test_links_and_special_files_stay_out(stack: Stack, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("outside")
    team = stack.folder / "team"
    (team / "link").symlink_to(outside)
    (team / "linked").symlink_to(outside / "file")
    os.mkfifo(team / "pipe")
    try:
        for key in ("link/file", "link/new", "linked", "pipe", "link"):
            assert stack.send("GET", f"/team/{key}").status == 404
            assert stack.send("PUT", f"/team/{key}", b"NEW").code == "InvalidRequest"
            assert stack.send("DELETE", f"/team/{key}").status == 204
        assert [path.name for path in outside.iterdir()] == ["file"]
        assert (outside / "file").read_text() == "outside"
        assert (team / "linked").is_symlink()
    finally:
        for name in ("link", "linked", "pipe"):
            (team / name).unlink()


def test_pages_among_the_objects_do_not_run(stack: Stack) -> None:
    page = stack.write("team/page.html", b"<script>document.title = document.cookie</script>")
    answer = stack.send("GET", "/team/page.html", cookie="session=secret")
    page.unlink()
    assert answer.status == 200
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    refusal = stack.send("GET", "/my-bob/secret")
    assert refusal.headers["content-security-policy"].startswith("sandbox")
