"""An S3 request as the edge reports it, read once and strictly. Pure.

rclone and Noteyard read the same request, so it must have one reading only: whatever two programs could understand
differently (repeated headers, half-valid escapes, two signatures) is a `problem` here and refused.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from noteyard.s3_names import name_problem
from noteyard.s3_refusals import S3Refusal, access_denied, invalid_argument, invalid_request

ALGORITHM = "AWS4-HMAC-SHA256"
SCOPE = r"(?P<key>[A-Za-z0-9]{3,128})/(?P<date>\d{8})/(?P<region>[A-Za-z0-9-]{1,64})/s3/aws4_request"
AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential={SCOPE}, ?SignedHeaders=(?P<signed>[a-z0-9;_.-]+), ?"
    r"Signature=(?P<signature>[0-9a-f]{64})"
)
CREDENTIAL = re.compile(SCOPE)
PRESIGNED = frozenset({"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-SignedHeaders"})
PRESIGNED_ALL = PRESIGNED | {"X-Amz-Signature", "X-Amz-Content-Sha256", "X-Amz-Security-Token"}
BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
UNKNOWN = "Unknown"


@dataclass(frozen=True)
class S3Request:
    """What a request asks for.

    `operation` is S3's name for it, or one of PutFolder, HeadFolder, DeleteFolder for keys that end with a slash, or
    `Unknown`. `key` is empty for a bucket and both are for the service. `query` and `headers` are decoded, the headers'
    names in lower case. `access_key` is None without a signature of version 4. `problem` says what makes the request
    unreadable.
    """

    operation: str
    method: str
    bucket: str
    key: str
    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    access_key: str | None = None
    copy_source: tuple[str, str] | None = None
    problem: S3Refusal | None = None

    @property
    def resource(self) -> str:
        return f"/{self.bucket}/{self.key}" if self.bucket else "/"

    def header(self, name: str) -> str | None:
        """A header's value by its lower-case name."""
        return dict(self.headers).get(name)

    def argument(self, name: str) -> str | None:
        """A query argument's value."""
        return dict(self.query).get(name)


class _Unreadable(Exception):
    def __init__(self, refusal: S3Refusal) -> None:
        self.refusal = refusal


def parse(method: str, uri: str, headers: Iterable[tuple[str, str]]) -> S3Request:
    """Read a request: its method, its target (path and query as sent) and its headers in the order sent.

    Never raises: what can't be read is in `problem`, and the rest is as far as it could be read.
    """
    lowered = tuple((name.lower(), value.strip()) for name, value in headers)
    path, _, raw_query = uri.partition("?")
    bucket, key = "", ""
    query: tuple[tuple[str, str], ...] = ()
    operation, access_key, source = UNKNOWN, None, None
    problem = None
    try:
        bucket, key = _path(path)
        query = _query(raw_query)
        _no_repeats(lowered)
        operation = _operation(method, bucket, key, dict(query), dict(lowered))
        access_key = _access_key(dict(query), dict(lowered))
        source = _copy_source(dict(lowered))
    except _Unreadable as unreadable:
        problem = unreadable.refusal
    return S3Request(operation, method, bucket, key, query, lowered, access_key, source, problem)


def _path(path: str) -> tuple[str, str]:
    if not path.startswith("/"):
        raise _Unreadable(S3Refusal(400, "InvalidURI", "The address must start with a slash."))
    if re.search("%2f", path, re.IGNORECASE):
        raise _Unreadable(invalid_argument("Write slashes in an object's address as they are, not as %2F.", path))
    text = _decoded(path[1:], "address")
    bucket, _, key = text.partition("/")
    if not bucket and text:
        raise _Unreadable(S3Refusal(400, "InvalidURI", "The address starts with more than one slash.", path))
    if key and (problem := name_problem(key)):
        code = "KeyTooLongError" if "longer than" in problem else "InvalidArgument"
        message = f"The key {key[:200]!r} {problem}. Nothing was changed; use another key."
        raise _Unreadable(S3Refusal(400, code, message, f"/{text}"))
    return bucket, key


def _query(text: str) -> tuple[tuple[str, str], ...]:
    if ";" in text:
        raise _Unreadable(invalid_argument("Write ; in the query as %3B."))
    pairs = [pair.partition("=") for pair in text.split("&") if pair]
    decoded = tuple(
        (_decoded(name.replace("+", " "), "query"), _decoded(value.replace("+", " "), "query"))
        for name, _, value in pairs
    )
    names = [name.lower() for name, _ in decoded]
    if len(set(names)) != len(names):
        raise _Unreadable(invalid_argument("A query argument is given twice."))
    return decoded


def _decoded(text: str, where: str) -> str:
    if BAD_ESCAPE.search(text):
        raise _Unreadable(S3Refusal(400, "InvalidURI", f"The {where} has a % that is not followed by two hex digits."))
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise _Unreadable(S3Refusal(400, "InvalidURI", f"The {where} is not UTF-8.")) from None


def _no_repeats(headers: tuple[tuple[str, str], ...]) -> None:
    names = [name for name, _ in headers]
    for name in {name for name in names if names.count(name) > 1}:
        # Others (Accept, Via, …) may repeat; these decide what is done.
        if name.startswith(("x-amz-", "content-", "if-")) or name in ("authorization", "range", "host"):
            raise _Unreadable(invalid_request(f"The header {name} is given twice."))


def _operation(method: str, bucket: str, key: str, query: dict[str, str], headers: dict[str, str]) -> str:
    if not bucket:
        return "ListBuckets" if method == "GET" else UNKNOWN
    if not key:
        return _bucket_operation(method, query)
    if key.endswith("/"):
        return {"PUT": "PutFolder", "GET": "HeadFolder", "HEAD": "HeadFolder", "DELETE": "DeleteFolder"}.get(
            method, UNKNOWN
        )
    return _object_operation(method, query, "x-amz-copy-source" in headers)


def _bucket_operation(method: str, query: dict[str, str]) -> str:
    if method == "GET":
        if query.get("list-type") == "2":
            return "ListObjectsV2"
        names = {
            "location": "GetBucketLocation",
            "uploads": "ListMultipartUploads",
            "versioning": "GetBucketVersioning",
        }
        return next((operation for name, operation in names.items() if name in query), "ListObjects")
    if method == "POST":
        return "DeleteObjects" if "delete" in query else "PostObject"
    return {"HEAD": "HeadBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}.get(method, UNKNOWN)


def _object_operation(method: str, query: dict[str, str], copies: bool) -> str:
    if "uploadId" in query:
        parts = {
            "GET": "ListParts",
            "PUT": "UploadPartCopy" if copies else "UploadPart",
            "POST": "CompleteMultipartUpload",
            "DELETE": "AbortMultipartUpload",
        }
        return parts.get(method, UNKNOWN)
    if method == "POST":
        return "CreateMultipartUpload" if "uploads" in query else UNKNOWN
    put = "CopyObject" if copies else "PutObject"
    return {"GET": "GetObject", "HEAD": "HeadObject", "PUT": put, "DELETE": "DeleteObject"}.get(method, UNKNOWN)


def _access_key(query: dict[str, str], headers: dict[str, str]) -> str | None:
    authorization = headers.get("authorization")
    signed_url = {name.lower() for name in query} & {name.lower() for name in PRESIGNED_ALL}
    if authorization is not None and signed_url:
        raise _Unreadable(invalid_argument("Sign a request by its Authorization header or by its URL, not by both."))
    if authorization is not None:
        return _key_of_header(authorization)
    if signed_url:
        return _key_of_url(query)
    if "Signature" in query or "AWSAccessKeyId" in query:
        raise _Unreadable(_wrong_signature_version())
    return None


def _key_of_header(authorization: str) -> str:
    if not authorization.startswith("AWS4"):
        raise _Unreadable(_wrong_signature_version())
    match = AUTHORIZATION.fullmatch(authorization)
    if match is None:
        raise _Unreadable(
            S3Refusal(
                400, "AuthorizationHeaderMalformed", f"The Authorization header is not one of {ALGORITHM} for s3."
            )
        )
    return match["key"]


def _key_of_url(query: dict[str, str]) -> str:
    match = CREDENTIAL.fullmatch(query.get("X-Amz-Credential", ""))
    complete = {*PRESIGNED, "X-Amz-Signature"} <= query.keys() and query["X-Amz-Algorithm"] == ALGORITHM
    if match is None or not complete:
        message = f"The signed URL is not one of {ALGORITHM} for s3: make it anew."
        raise _Unreadable(S3Refusal(400, "AuthorizationQueryParametersError", message))
    return match["key"]


def _wrong_signature_version() -> S3Refusal:
    return invalid_request(
        f"Only signatures of version 4 ({ALGORITHM}) are accepted. With boto3 set the region to any but us-east-1, or "
        "Config(signature_version='s3v4')."
    )


def _copy_source(headers: dict[str, str]) -> tuple[str, str] | None:
    value = headers.get("x-amz-copy-source")
    if value is None:
        return None
    bucket, _, raw_key = value.removeprefix("/").partition("/")
    if "?" in value:
        raise _Unreadable(S3Refusal(501, "NotImplemented", "There are no versions to copy from: leave ?… out."))
    if not bucket or not raw_key or "%" in bucket:
        raise _Unreadable(invalid_argument(f"x-amz-copy-source {value!r} is not bucket/key."))
    if "+" in raw_key or not value.isascii():
        raise _Unreadable(invalid_argument("Percent-encode x-amz-copy-source, also + (as %2B)."))
    key = _decoded(raw_key, "x-amz-copy-source")
    if key.endswith("/") or (problem := name_problem(key)):
        reason = "is a folder" if key.endswith("/") else problem
        raise _Unreadable(invalid_argument(f"The key to copy from, {key[:200]!r}, {reason}. Nothing was changed."))
    if bucket in (".", ".."):
        raise _Unreadable(access_denied(f"There is no bucket {bucket!r}."))
    return bucket, key
