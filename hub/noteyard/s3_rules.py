"""What a key may ask of the embedded S3: an allow-list, because rclone overwrites or deletes the object when a request
has a query or header that it does not know. Pure.

Each rule names what an operation may carry; anything else is refused before rclone sees it. What was seen of
rclone 1.75.2 left to itself:
- `PUT` with any query it does not know is a plain upload, `DELETE ?tagging` deletes the object.
- Tags, ACLs, locks, encryption, storage classes, checksums and conditions of writes are accepted and ignored; metadata
  is kept in memory and lost with the process.
- `UploadPartCopy` stores an empty part; framed bodies (aws-chunked) are in some forms stored with their frames.
- A delete of `a/b` deletes the file `a`; deletes of versions delete the object. So deletes are Noteyard's own.
- `If-Match` on reads is ignored, and s3fs relies on it: the guard asks for the ETag itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from noteyard.s3_digests import DIGESTS
from noteyard.s3_refusals import S3Refusal, access_denied, invalid_argument, not_implemented
from noteyard.s3_requests import PRESIGNED_ALL, UNKNOWN, S3Request

Access = Literal["read", "write"]
Grants = Mapping[str, str]


@dataclass(frozen=True)
class Rule:
    """What an operation needs and may carry: access to the bucket, query arguments, headers that change its meaning."""

    access: Access
    query: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LIST = "prefix delimiter max-keys encoding-type"
_RESPONSE = _names(
    "response-cache-control response-content-disposition response-content-language response-content-type "
    "response-expires"
)
_READS = _names("if-match if-none-match if-modified-since x-amz-checksum-mode")
_BODY = _names("content-encoding x-amz-decoded-content-length")
_STORES = _names("x-amz-storage-class x-amz-meta-mtime")
# Of the keys to delete, which Noteyard checks itself.
_DIGESTS = frozenset({"x-amz-sdk-checksum-algorithm", *DIGESTS})

RULES: Mapping[str, Rule] = {
    "ListBuckets": Rule("read"),
    "HeadBucket": Rule("read"),
    "GetBucketLocation": Rule("read", _names("location")),
    "GetBucketVersioning": Rule("read", _names("versioning")),
    "ListObjects": Rule("read", _names(f"{_LIST} marker")),
    "ListObjectsV2": Rule("read", _names(f"{_LIST} list-type continuation-token start-after fetch-owner")),
    "GetObject": Rule("read", _RESPONSE, _READS | {"range"}),
    "HeadObject": Rule("read", _RESPONSE, _READS | {"range"}),
    "PutObject": Rule("write", headers=_BODY | _STORES),
    "CopyObject": Rule("write", headers=_STORES | _names("x-amz-copy-source x-amz-metadata-directive")),
    "DeleteObject": Rule("write"),
    "DeleteObjects": Rule("write", _names("delete"), _DIGESTS),
    "CreateMultipartUpload": Rule("write", _names("uploads"), _STORES),
    "UploadPart": Rule("write", _names("uploadId partNumber"), _BODY),
    "CompleteMultipartUpload": Rule("write", _names("uploadId")),
    "AbortMultipartUpload": Rule("write", _names("uploadId")),
    "ListParts": Rule("write", _names("uploadId max-parts part-number-marker")),
    "ListMultipartUploads": Rule(
        "write", _names("uploads prefix delimiter key-marker upload-id-marker max-uploads encoding-type")
    ),
    "PutFolder": Rule("write", headers=_STORES),
    "HeadFolder": Rule("read", headers=_READS),
    "DeleteFolder": Rule("write"),
}
# Carried out by Noteyard on the folder itself, not by rclone.
FOLDER_OPERATIONS = frozenset({"DeleteObject", "DeleteObjects", "PutFolder", "HeadFolder", "DeleteFolder"})

_ALWAYS_QUERY = _names("x-id")
_ALWAYS_HEADERS = _names("x-amz-date x-amz-content-sha256 x-amz-user-agent x-amz-security-token x-amz-api-version")
_CONDITIONS = _names("if-match if-none-match if-modified-since if-unmodified-since if-range range")
_STORED = _names("content-encoding content-disposition content-language cache-control expires")
_FRAMED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_STORING = frozenset({"PutObject", "CopyObject", "CreateMultipartUpload", "UploadPart", "PutFolder"})


def decide(request: S3Request, grants: Grants) -> S3Refusal | None:
    """Whether a request with a key of these grants (bucket to `read` or `write`) is carried out: None, or why not."""
    if request.problem is not None:
        return request.problem
    if request.access_key is None:
        return access_denied("The request is not signed. Sign it with an access key of Noteyard's.", request.resource)
    if (rule := RULES.get(request.operation)) is None:
        return _unknown_operation(request, grants)
    return (
        _check_access(request, rule.access, grants)
        or _check_query(request, rule)
        or _check_headers(request, rule)
        or _check_values(request)
        or _check_body(request)
    )


def _unknown_operation(request: S3Request, grants: Grants) -> S3Refusal:
    if request.operation in ("CreateBucket", "DeleteBucket") and (refusal := _check_query(request, Rule("write"))):
        return refusal
    if request.operation == "CreateBucket" and request.bucket in grants:
        return S3Refusal(409, "BucketAlreadyOwnedByYou", f"The bucket {request.bucket} is there.", request.resource)
    if request.operation in ("CreateBucket", "DeleteBucket"):
        message = f"Buckets are made and removed by Noteyard alone. {_opened(grants)}"
        return access_denied(message, request.resource)
    if request.operation == "UploadPartCopy":
        message = "Parts can't be copied here. Copy the object in one piece, or download and upload it."
        return not_implemented(message, request.resource)
    if request.operation == "PostObject":
        return not_implemented("Uploads by form are not accepted. Use PUT, or a signed URL.", request.resource)
    if request.operation != UNKNOWN:
        return not_implemented(f"{request.operation} is not available here.", request.resource)
    message = f"{request.method} is not available here. Nothing was changed."
    return S3Refusal(405, "MethodNotAllowed", message, request.resource)


def _check_access(request: S3Request, access: Access, grants: Grants) -> S3Refusal | None:
    wanted: list[tuple[str, Access]] = [(request.bucket, access)] if request.bucket else []
    if request.copy_source is not None:
        wanted.append((request.copy_source[0], "read"))
    for bucket, needed in wanted:
        granted = grants.get(bucket)
        if granted is None:
            return access_denied(
                f"This access key does not open the bucket {bucket!r}. {_opened(grants)}", request.resource
            )
        if needed == "write" and granted != "write":
            return access_denied(f"This access key may only read the bucket {bucket!r}.", request.resource)
    return None


def _opened(grants: Grants) -> str:
    listed = ", ".join(f"{bucket} ({access})" for bucket, access in sorted(grants.items()))
    return f"It opens: {listed or 'nothing'}."


def _check_query(request: S3Request, rule: Rule) -> S3Refusal | None:
    allowed = rule.query | _ALWAYS_QUERY | PRESIGNED_ALL
    for name, _ in request.query:
        if name not in allowed:
            return not_implemented(
                f"?{name[:80]} is not available here ({request.operation}). {UNTOUCHED}", request.resource
            )
    return None


def _check_headers(request: S3Request, rule: Rule) -> S3Refusal | None:
    allowed = rule.headers | _ALWAYS_HEADERS
    for name, _ in request.headers:
        means_something = (
            name.startswith("x-amz-") or name in _CONDITIONS or (name in _STORED and request.operation in _STORING)
        )
        if means_something and name not in allowed:
            message = f"The header {name[:80]} is not available here ({request.operation}). {UNTOUCHED}{_advice(name)}"
            return not_implemented(message, request.resource)
    return None


UNTOUCHED = "Nothing was changed."


def _advice(header: str) -> str:
    if header.startswith(("x-amz-checksum-", "x-amz-trailer", "x-amz-sdk-checksum")):
        return " Set AWS_REQUEST_CHECKSUM_CALCULATION=when_required, or send Content-MD5, which is checked."
    if header.startswith("x-amz-meta-") or header in _STORED:
        return " Objects are files here and keep their content, name and time only: leave it out."
    if header in _CONDITIONS:
        return " Writes and deletes can't have conditions; use other keys for other content."
    return " Leave it out."


def _check_values(request: S3Request) -> S3Refusal | None:
    """Arguments and headers that are known, but not with every value."""
    prefix, delimiter = request.argument("prefix") or "", request.argument("delimiter")
    if prefix.startswith("/"):
        return invalid_argument("No key starts with a slash: leave it out of the prefix.", request.resource)
    if delimiter not in (None, "", "/"):
        return not_implemented("The only delimiter here is the slash.", request.resource)
    if "uploadId" in dict(request.query) and not request.argument("uploadId"):
        return invalid_argument(f"uploadId is empty. {UNTOUCHED}", request.resource)
    if request.operation == "UploadPart" and not (request.argument("partNumber") or "").isdigit():
        return invalid_argument(f"partNumber must be a number from 1 to 10000. {UNTOUCHED}", request.resource)
    return _check_stored(request)


def _check_stored(request: S3Request) -> S3Refusal | None:
    if (request.header("x-amz-storage-class") or "STANDARD") != "STANDARD":
        message = f"The only storage class here is STANDARD. {UNTOUCHED}"
        return S3Refusal(400, "InvalidStorageClass", message, request.resource)
    if (request.header("x-amz-metadata-directive") or "COPY").upper() != "COPY":
        return not_implemented(f"Objects have no metadata to replace. {UNTOUCHED}", request.resource)
    if request.copy_source == (request.bucket, request.key):
        message = "An object can't be copied onto itself: it has no metadata, class or encryption to change."
        return S3Refusal(400, "InvalidRequest", message, request.resource)
    return None


def _check_body(request: S3Request) -> S3Refusal | None:
    """Refuse frames around the body that rclone would store with it, and encodings that it would forget."""
    digest = request.header("x-amz-content-sha256") or request.argument("X-Amz-Content-Sha256") or ""
    encodings = [part.strip() for part in (request.header("content-encoding") or "").split(",") if part.strip()]
    framed = "aws-chunked" in encodings
    if digest.startswith("STREAMING-") and digest != _FRAMED:
        message = f"Bodies of the form {digest[:60]} can't be read here. {UNTOUCHED}{_advice('x-amz-trailer')}"
        return not_implemented(message, request.resource)
    if framed != (digest == _FRAMED):
        message = f"Content-Encoding aws-chunked goes with x-amz-content-sha256 {_FRAMED} only. {UNTOUCHED}"
        return S3Refusal(400, "InvalidRequest", message, request.resource)
    if framed and not (request.header("x-amz-decoded-content-length") or "").isdigit():
        message = f"A body in frames needs x-amz-decoded-content-length. {UNTOUCHED}"
        return S3Refusal(411, "MissingContentLength", message, request.resource)
    if request.operation in _STORING and [part for part in encodings if part != "aws-chunked"]:
        message = f"The header content-encoding is not available here ({request.operation}). {UNTOUCHED}"
        return not_implemented(message + _advice("content-encoding"), request.resource)
    return None
