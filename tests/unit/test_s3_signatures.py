"""Signatures of version 4, held to the examples in Amazon's documentation of S3."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from noteyard.s3_requests import parse
from noteyard.s3_signatures import check_signature

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SCOPE = "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"
MADE = datetime(2013, 5, 24, tzinfo=UTC)
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
HELLO = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
URL = (
    f"/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={quote(SCOPE, safe='')}&X-Amz-Date=20130524T000000Z"
    "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
    "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
)
GET = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
HOST = ("Host", "examplebucket.s3.amazonaws.com")


def headers(signature: str, payload: str = EMPTY, **more: str) -> list[tuple[str, str]]:
    """A request's headers with everything in them signed."""
    given = {
        "host": HOST[1],
        "x-amz-content-sha256": payload,
        "x-amz-date": "20130524T000000Z",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    credential = f"AWS4-HMAC-SHA256 Credential={SCOPE},SignedHeaders={';'.join(sorted(given))},Signature={signature}"
    return [*given.items(), ("Authorization", credential)]


def checked(method: str, target: str, given: list[tuple[str, str]], body: bytes = b"", now: datetime = MADE) -> str:
    refusal = check_signature(parse(method, target, given), SECRET, body, now)
    return refusal.code if refusal else "fine"


def test_the_documented_examples_are_fine() -> None:
    listing = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    put = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
    lifecycle = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    stored = {"date": "Fri, 24 May 2013 00:00:00 GMT", "x_amz_storage_class": "REDUCED_REDUNDANCY"}
    assert checked("GET", "/test.txt", headers(GET, range="bytes=0-9")) == "fine"
    assert checked("GET", "/?max-keys=2&prefix=J", headers(listing)) == "fine"
    assert checked("GET", "/?lifecycle", headers(lifecycle)) == "fine"
    assert checked("PUT", "/test%24file.text", headers(put, HELLO, **stored), b"Welcome to Amazon S3.") == "fine"
    assert checked("GET", URL, [HOST], now=MADE + timedelta(hours=23)) == "fine"


@pytest.mark.parametrize(
    ("method", "target", "changed", "body", "code"),
    [
        ("PUT", "/test.txt", {}, b"", "SignatureDoesNotMatch"),
        ("GET", "/other.txt", {}, b"", "SignatureDoesNotMatch"),
        ("GET", "/test.txt?prefix=x", {}, b"", "SignatureDoesNotMatch"),
        ("GET", "/test.txt", {"range": "bytes=0-8"}, b"", "SignatureDoesNotMatch"),
        ("GET", "/test.txt", {}, b"other", "XAmzContentSHA256Mismatch"),
    ],
)
def test_what_was_changed_after_signing_is_refused(
    method: str, target: str, changed: dict[str, str], body: bytes, code: str
) -> None:
    given = headers(GET, **{"range": "bytes=0-9", **changed})
    assert checked(method, target, given, body) == code


def test_another_secret_and_unsigned_headers_are_refused() -> None:
    given = headers(GET, range="bytes=0-9")
    asked = parse("GET", "/test.txt", given)
    refusal = check_signature(asked, "other", b"", MADE)
    assert refusal is not None and refusal.code == "SignatureDoesNotMatch"
    refusal = check_signature(parse("GET", "/test.txt", [*given, ("x-amz-meta-mtime", "1")]), SECRET, b"", MADE)
    assert refusal is not None and refusal.message == "The header x-amz-meta-mtime is not signed."
    refusal = check_signature(parse("GET", "/test.txt", [HOST]), SECRET, b"", MADE)
    assert refusal is not None and refusal.message == "The signature is incomplete."


@pytest.mark.parametrize(
    ("target", "given", "now"),
    [
        ("/test.txt", headers(GET, range="bytes=0-9"), MADE + timedelta(minutes=16)),
        ("/test.txt", headers(GET, range="bytes=0-9"), MADE - timedelta(minutes=16)),
        (URL, [HOST], MADE + timedelta(hours=25)),
        (URL, [HOST], MADE - timedelta(minutes=16)),
    ],
)
def test_signatures_hold_for_their_time_only(target: str, given: list[tuple[str, str]], now: datetime) -> None:
    assert checked("GET", target, given, now=now) == "RequestTimeTooSkewed"


@pytest.mark.parametrize("expires", ["604801", "-1", "x", ""])
def test_signed_urls_hold_for_a_week_at_most(expires: str) -> None:
    assert checked("GET", URL.replace("=86400", f"={expires}"), [HOST]) == "AccessDenied"
