"""Which S3 requests are carried out, and in which words the others are refused."""

import pytest
from noteyard.s3_refusals import S3Refusal
from noteyard.s3_requests import S3Request, parse
from noteyard.s3_rules import RULES, decide

SIGNATURE = "0" * 64
AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential=NYAKADA/20261122/noteyard/s3/aws4_request, SignedHeaders=host;x-amz-date, "
    f"Signature={SIGNATURE}"
)
URL_SIGNATURE = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=NYAKADA%2F20261122%2Fnoteyard%2Fs3%2Faws4_request"
    f"&X-Amz-Date=20261122T120000Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature={SIGNATURE}"
)
NOT_WRITES = (
    *("tagging", "acl", "legal-hold", "retention", "torrent", "restore", "select", "attributes", "policy", "lifecycle"),
    *("versionId", "versions", "append", "renameObject", "partNumber", "unknown"),
    *("x-amz-acl", "x-amz-tagging", "response-content-type"),
)
GRANTS = {"team": "write", "my-ada": "write", "shown": "read"}


def request(line: str, **headers: str) -> S3Request:
    """A signed request from `METHOD target`; underscores in the headers' names are hyphens."""
    method, _, target = line.partition(" ")
    return parse(method, target, [("Authorization", AUTHORIZATION), *((_name(key), headers[key]) for key in headers)])


def _name(key: str) -> str:
    return key.replace("_", "-")


def judged(line: str, **headers: str) -> S3Refusal:
    refusal = decide(request(line, **headers), GRANTS)
    assert refusal is not None, f"{line} {headers} was let through"
    return refusal


@pytest.mark.parametrize(
    ("line", "operation"),
    [
        ("GET /", "ListBuckets"),
        ("GET /?x-id=ListBuckets", "ListBuckets"),
        ("HEAD /team", "HeadBucket"),
        ("HEAD /team/", "HeadBucket"),
        ("GET /team?location", "GetBucketLocation"),
        ("GET /team?versioning", "GetBucketVersioning"),
        ("GET /team?prefix=a%2Fb&delimiter=%2F&marker=x&max-keys=5&encoding-type=url", "ListObjects"),
        ("GET /team/?list-type=2&prefix=a&start-after=b&continuation-token=c&fetch-owner=true", "ListObjectsV2"),
        ("GET /team?uploads&prefix=a", "ListMultipartUploads"),
        ("POST /team?delete", "DeleteObjects"),
        ("GET /team/a/b.txt", "GetObject"),
        ("GET /team/a?response-content-type=text%2Fplain", "GetObject"),
        ("HEAD /shown/a", "HeadObject"),
        ("PUT /team/a?x-id=PutObject", "PutObject"),
        ("DELETE /team/a", "DeleteObject"),
        ("POST /team/a?uploads", "CreateMultipartUpload"),
        ("PUT /team/a?partNumber=1&uploadId=u", "UploadPart"),
        ("POST /team/a?uploadId=u", "CompleteMultipartUpload"),
        ("DELETE /team/a?uploadId=u", "AbortMultipartUpload"),
        ("GET /team/a?uploadId=u&max-parts=5", "ListParts"),
        ("PUT /team/a/", "PutFolder"),
        ("HEAD /team/a/", "HeadFolder"),
        ("DELETE /team/a/", "DeleteFolder"),
    ],
)
def test_what_is_available_passes(line: str, operation: str) -> None:
    asked = request(line)
    assert (asked.operation, decide(asked, GRANTS)) == (operation, None)


def test_every_rule_is_about_an_operation_that_a_request_can_be() -> None:
    assert {"CopyObject", "UploadPart", "HeadFolder"} <= RULES.keys()


@pytest.mark.parametrize(
    ("target", "bucket", "key"),
    [
        ("/team/a%20b+c%2Bd%25.txt", "team", "a b+c+d%.txt"),
        ("/team/caf%C3%A9/%E6%97%A5", "team", "café/日"),
        ("/team/a%5Cb", "team", "a\\b"),
        ("/team/.hidden/...", "team", ".hidden/..."),
        ("/team/a%252e%252e", "team", "a%2e%2e"),
    ],
)
def test_keys_are_decoded_once(target: str, bucket: str, key: str) -> None:
    asked = request(f"PUT {target}")
    assert (asked.bucket, asked.key, asked.problem) == (bucket, key, None)


@pytest.mark.parametrize(
    ("target", "code", "words"),
    [
        ("/team/../my-bob/x", "InvalidArgument", "has a part . or .."),
        ("/team/%2e%2e/my-bob/x", "InvalidArgument", "has a part . or .."),
        ("/team/a/./b", "InvalidArgument", "has a part . or .."),
        ("/team/a/..", "InvalidArgument", "has a part . or .."),
        ("/team/..%2fmy-bob%2fx", "InvalidArgument", "Write slashes in an object's address as they are, not as %2F."),
        ("/team/a%2F", "InvalidArgument", "Write slashes in an object's address as they are, not as %2F."),
        ("/team//a", "InvalidArgument", "has a part without a name"),
        ("/team/a//b", "InvalidArgument", "has a part without a name"),
        ("/team/a//", "InvalidArgument", "has a part without a name"),
        ("//team/a", "InvalidURI", "more than one slash"),
        ("/team/a%00b", "InvalidArgument", "has a control character"),
        ("/team/a%0Ab", "InvalidArgument", "has a control character"),
        ("/team/a%7Fb", "InvalidArgument", "has a control character"),
        ("/team/%E2%90%89", "InvalidArgument", "has the character U+2409, which file names can't hold here"),
        ("/team/%E2%80%9B", "InvalidArgument", "has the character U+201B"),
        ("/team/%FF", "InvalidURI", "The address is not UTF-8."),
        ("/team/a%zz", "InvalidURI", "not followed by two hex digits"),
        ("/team/.rclone_temp_put_1", "InvalidArgument", "the names of uploads under way"),
        ("/team/.rclone_temp_x/a", "InvalidArgument", "the names of uploads under way"),
        ("/team/.rclone_multipart_upload_1", "InvalidArgument", "the names of uploads under way"),
        ("/team/" + "n" * 256, "KeyTooLongError", "has a part longer than 255 bytes"),
        ("/team/" + "n/" * 511 + "nnn", "KeyTooLongError", "is longer than 1024 bytes"),
        ("/team/" + "n/" * 64 + "n", "InvalidArgument", "has more than 64 parts"),
        ("team/a", "InvalidURI", "must start with a slash"),
    ],
)
def test_keys_that_a_folder_cannot_hold_are_refused(target: str, code: str, words: str) -> None:
    for method in ("PUT", "GET", "DELETE"):
        refusal = judged(f"{method} {target}")
        assert (refusal.status, refusal.code) == (400, code)
        assert words in refusal.message


@pytest.mark.parametrize("name", NOT_WRITES)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_queries_that_rclone_would_take_for_a_plain_write_are_refused(method: str, name: str) -> None:
    refusal = judged(f"{method} /team/a?{name}=1")
    assert (refusal.status, refusal.code) == (501, "NotImplemented")
    operation = {"PUT": "PutObject", "DELETE": "DeleteObject"}[method]
    assert refusal.message == f"?{name} is not available here ({operation}). Nothing was changed."


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        ("PUT /team/a?uploadId=", 400, "InvalidArgument"),
        ("PUT /team/a?uploadId=u", 400, "InvalidArgument"),
        ("PUT /team/a?uploadId=u&partNumber=x", 400, "InvalidArgument"),
        ("PUT /team/a?uploadId=%zz&partNumber=1", 400, "InvalidURI"),
        ("PUT /team/a?uploadId=u;partNumber=1", 400, "InvalidArgument"),
        ("PUT /team/a?uploadId=u&uploadId=v&partNumber=1", 400, "InvalidArgument"),
        ("PUT /team/a?tagging", 501, "NotImplemented"),
        ("PUT /team/a?=", 501, "NotImplemented"),
        ("PUT /team/a?uploads", 501, "NotImplemented"),
        ("POST /team/a", 405, "MethodNotAllowed"),
        ("POST /team/a/", 405, "MethodNotAllowed"),
        ("POST /team", 501, "NotImplemented"),
        ("PATCH /team/a", 405, "MethodNotAllowed"),
        ("OPTIONS /team/a", 405, "MethodNotAllowed"),
        ("HEAD /team/a?uploadId=u", 405, "MethodNotAllowed"),
        ("PUT /", 405, "MethodNotAllowed"),
        ("GET /?max-buckets=1", 501, "NotImplemented"),
        ("GET /team?versions", 501, "NotImplemented"),
        ("GET /team?list-type=3", 501, "NotImplemented"),
        ("GET /team?delimiter=-", 501, "NotImplemented"),
        ("GET /team?prefix=%2F", 400, "InvalidArgument"),
        ("GET /team/a?tagging", 501, "NotImplemented"),
        ("GET /team/a?partNumber=1", 501, "NotImplemented"),
        ("PUT /new", 403, "AccessDenied"),
        ("PUT /team", 409, "BucketAlreadyOwnedByYou"),
        ("DELETE /team", 403, "AccessDenied"),
        ("DELETE /my-ada/", 403, "AccessDenied"),
    ],
)
def test_what_is_not_available_is_refused(line: str, status: int, code: str) -> None:
    refusal = judged(line)
    assert (refusal.status, refusal.code) == (status, code)


@pytest.mark.parametrize(
    ("header", "value", "words"),
    [
        ("x-amz-tagging", "a=b", "Leave it out."),
        ("x-amz-acl", "public-read", "Leave it out."),
        ("x-amz-object-lock-mode", "GOVERNANCE", "Leave it out."),
        ("x-amz-object-lock-legal-hold", "ON", "Leave it out."),
        ("x-amz-server-side-encryption", "AES256", "Leave it out."),
        ("x-amz-server-side-encryption-customer-key", "x", "Leave it out."),
        ("x-amz-website-redirect-location", "/x", "Leave it out."),
        ("x-amz-write-offset-bytes", "8", "Leave it out."),
        ("x-amz-expected-bucket-owner", "1", "Leave it out."),
        ("x-amz-rename-source", "/team/b", "Leave it out."),
        ("x-amz-anything-new", "1", "Leave it out."),
        ("if-none-match", "*", "Writes and deletes can't have conditions"),
        ("if-match", '"x"', "Writes and deletes can't have conditions"),
        ("x-amz-checksum-crc32", "AAAAAA==", "Set AWS_REQUEST_CHECKSUM_CALCULATION=when_required, or send Content-MD5"),
        ("x-amz-trailer", "x-amz-checksum-crc32", "Set AWS_REQUEST_CHECKSUM_CALCULATION=when_required"),
        ("x-amz-meta-colour", "red", "Objects are files here and keep their content, name and time only"),
        ("cache-control", "no-cache", "Objects are files here"),
        ("content-disposition", "attachment", "Objects are files here"),
        ("content-encoding", "gzip", "Objects are files here"),
    ],
)
def test_headers_that_rclone_ignores_are_refused_on_writes(header: str, value: str, words: str) -> None:
    refusal = judged("PUT /team/a", **{header.replace("-", "_"): value})
    assert (refusal.status, refusal.code) == (501, "NotImplemented")
    assert refusal.message.startswith(f"The header {header} is not available here (PutObject). Nothing was changed.")
    assert words in refusal.message


@pytest.mark.parametrize(
    ("line", "headers"),
    [
        ("PUT /team/a", {"content_type": "text/csv", "content_md5": "x", "x_amz_meta_mtime": "1.5"}),
        ("PUT /team/a", {"x_amz_storage_class": "STANDARD", "x_amz_content_sha256": "UNSIGNED-PAYLOAD"}),
        ("GET /team/a", {"range": "bytes=0-1", "if_none_match": '"x"', "cache_control": "no-cache"}),
        ("GET /team/a", {"x_amz_checksum_mode": "ENABLED", "if_match": '"x"'}),
        ("POST /team?delete", {"x_amz_checksum_crc64nvme": "x", "x_amz_sdk_checksum_algorithm": "CRC64NVME"}),
        ("PUT /team/a", {"x_amzn_trace_id": "x", "x_amz_user_agent": "x", "x_amz_date": "20261122T120000Z"}),
    ],
)
def test_headers_that_are_understood_pass(line: str, headers: dict[str, str]) -> None:
    assert decide(request(line, **headers), GRANTS) is None


FRAMED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"


@pytest.mark.parametrize(
    ("digest", "encoding", "length", "code"),
    [
        (FRAMED, "aws-chunked", "3", None),
        (FRAMED, "aws-chunked", None, "MissingContentLength"),
        (FRAMED, None, "3", "InvalidRequest"),
        (FRAMED, "aws-chunked,gzip", "3", "NotImplemented"),
        ("0" * 64, "aws-chunked", "3", "InvalidRequest"),
        ("UNSIGNED-PAYLOAD", "aws-chunked", "3", "InvalidRequest"),
        (f"{FRAMED}-TRAILER", "aws-chunked", "3", "NotImplemented"),
        ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", "aws-chunked", "3", "NotImplemented"),
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "aws-chunked", "3", "NotImplemented"),
    ],
)
def test_bodies_in_frames_pass_only_in_the_form_that_rclone_unpacks(
    digest: str, encoding: str | None, length: str | None, code: str | None
) -> None:
    headers = {"x_amz_content_sha256": digest, "content_encoding": encoding, "x_amz_decoded_content_length": length}
    refusal = decide(request("PUT /team/a", **{name: value for name, value in headers.items() if value}), GRANTS)
    assert (refusal.code if refusal else None) == code


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("/team/b", None),
        ("team/b%20c%2B", None),
        ("shown/b", None),
        ("/my-bob/secret", "AccessDenied"),
        ("/team/../my-bob/secret", "InvalidArgument"),
        ("/team/%2e%2e/my-bob/secret", "InvalidArgument"),
        ("/team%2F..%2Fmy-bob/secret", "InvalidArgument"),
        ("//team/b", "InvalidArgument"),
        ("/team/b?versionId=3", "NotImplemented"),
        ("/team/b+c", "InvalidArgument"),
        ("/team/b/", "InvalidArgument"),
        ("/team/a", "InvalidRequest"),
        ("team", "InvalidArgument"),
        ("", "InvalidArgument"),
        ("arn:aws:s3:us-east-1:1:accesspoint/x/object/b", "AccessDenied"),
    ],
)
def test_copies_need_a_source_that_the_same_key_may_read(source: str, code: str | None) -> None:
    refusal = decide(request("PUT /team/a", x_amz_copy_source=source), GRANTS)
    assert (refusal.code if refusal else None) == code


def test_a_copy_can_neither_be_conditional_nor_replace_metadata_nor_be_a_part() -> None:
    source = {"x_amz_copy_source": "/team/b"}
    assert judged("PUT /team/a", **source, x_amz_copy_source_if_match='"x"').status == 501
    assert judged("PUT /team/a", **source, x_amz_metadata_directive="REPLACE").status == 501
    assert judged("PUT /team/a", **source, x_amz_tagging_directive="COPY").status == 501
    part = judged("PUT /team/a?uploadId=u&partNumber=1", **source)
    assert part.message == "Parts can't be copied here. Copy the object in one piece, or download and upload it."


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("GET /shown/a", True),
        ("HEAD /shown/a", True),
        ("GET /shown?list-type=2", True),
        ("PUT /shown/a", False),
        ("DELETE /shown/a", False),
        ("POST /shown?delete", False),
        ("POST /shown/a?uploads", False),
        ("PUT /shown/a?uploadId=u&partNumber=1", False),
        ("POST /shown/a?uploadId=u", False),
        ("PUT /shown/a/", False),
        ("GET /my-bob/a", False),
        ("GET /my-bob", False),
        ("HEAD /my-bob", False),
        ("PUT /my-bob/a", False),
        ("GET /Team/a", False),
    ],
)
def test_keys_open_their_buckets_only(line: str, allowed: bool) -> None:
    refusal = decide(request(line), GRANTS)
    if allowed:
        assert refusal is None
    else:
        assert refusal is not None and (refusal.status, refusal.code) == (403, "AccessDenied")


def test_a_refusal_says_what_the_key_opens() -> None:
    message = judged("GET /my-bob/a").message
    assert message == (
        "This access key does not open the bucket 'my-bob'. It opens: my-ada (write), shown (read), team (write)."
    )
    assert judged("PUT /shown/a").message == "This access key may only read the bucket 'shown'."


@pytest.mark.parametrize(
    ("target", "headers", "code"),
    [
        ("/team/a", [], "AccessDenied"),
        ("/team/a", [("Authorization", "AWS NYAKADA:abc")], "InvalidRequest"),
        ("/team/a?AWSAccessKeyId=NYAKADA&Signature=x&Expires=1", [], "InvalidRequest"),
        ("/team/a", [("Authorization", AUTHORIZATION.replace("/s3/", "/ec2/"))], "AuthorizationHeaderMalformed"),
        ("/team/a", [("Authorization", AUTHORIZATION + " ")], None),
        ("/team/a", [("Authorization", AUTHORIZATION + ", Credential=NYAKBOB/x")], "AuthorizationHeaderMalformed"),
        ("/team/a", [("Authorization", AUTHORIZATION), ("Authorization", AUTHORIZATION)], "InvalidRequest"),
        (f"/team/a?{URL_SIGNATURE}", [], None),
        (f"/team/a?{URL_SIGNATURE}", [("Authorization", AUTHORIZATION)], "InvalidArgument"),
        (f"/team/a?{URL_SIGNATURE}&X-Amz-Credential=x", [], "InvalidArgument"),
        (f"/team/a?{URL_SIGNATURE.lower()}", [], "AuthorizationQueryParametersError"),
        ("/team/a?X-Amz-Algorithm=AWS4-HMAC-SHA256", [], "AuthorizationQueryParametersError"),
        (f"/team/a?{URL_SIGNATURE}&x-amz-acl=public-read", [], "NotImplemented"),
    ],
)
def test_signatures_have_one_reading(target: str, headers: list[tuple[str, str]], code: str | None) -> None:
    asked = parse("GET", target, headers)
    refusal = decide(asked, GRANTS)
    assert (refusal.code if refusal else None) == code
    if refusal is None:
        assert asked.access_key == "NYAKADA"


def test_headers_that_decide_may_not_be_given_twice() -> None:
    headers = [("Authorization", AUTHORIZATION), ("X-Amz-Copy-Source", "/team/b"), ("x-amz-copy-source", "/my-bob/c")]
    refusal = decide(parse("PUT", "/team/a", headers), GRANTS)
    assert refusal is not None
    assert refusal.message == "The header x-amz-copy-source is given twice."


def test_a_refusal_is_xml_whatever_the_key_holds() -> None:
    xml = judged("PUT /team/%3Ca%26%0C?tagging").xml().decode()
    assert xml.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>InvalidArgument</Code><Message>')
    assert "<Resource>/team/&lt;a&amp;?</Resource>" in xml
