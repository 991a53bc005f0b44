"""AWS Signature Version 4: checked for the S3 operations that Noteyard carries out itself, and made. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html, header and query forms, with the
body in one piece. rclone checks the signatures of everything else.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from noteyard.s3_refusals import S3Refusal
from noteyard.s3_requests import ALGORITHM, AUTHORIZATION, CREDENTIAL, S3Request

SKEW = timedelta(minutes=15)
LONGEST_URL = timedelta(days=7)
UNSIGNED = "UNSIGNED-PAYLOAD"
UNRESERVED = "-_.~"
OWN_REGION = "noteyard"


@dataclass(frozen=True)
class _Claim:
    """What the signer says: when, in which scope, over which headers, until when, and with which result."""

    time: str
    date: str
    region: str
    signed_headers: tuple[str, ...]
    expires: timedelta
    payload: str
    signature: str


def check_signature(request: S3Request, secret: str, body: bytes, now: datetime) -> S3Refusal | None:
    """None when `request` with this body was signed with `secret` and its time has not passed at `now` (aware)."""
    claim = _claim(request)
    if claim is None:
        return _refusal(request, "AccessDenied", "The signature is incomplete.")
    signed_at = _time(claim.time)
    if signed_at is None or claim.time[:8] != claim.date:
        return _refusal(request, "AccessDenied", "The signature has no valid X-Amz-Date.")
    if signed_at - SKEW > now or now > signed_at + max(claim.expires, timedelta()):
        message = f"The signature was made at {signed_at:%Y-%m-%d %H:%M:%S} UTC and is not valid now. Check the clock."
        return _refusal(request, "RequestTimeTooSkewed", message)
    unsigned = {name for name, _ in request.headers if name.startswith("x-amz-") or name == "host"}
    if missing := unsigned - set(claim.signed_headers):
        return _refusal(request, "AccessDenied", f"The header {min(missing)} is not signed.")
    if claim.payload != UNSIGNED and not hmac.compare_digest(claim.payload, hashlib.sha256(body).hexdigest()):
        message = "The body is not the one that was signed (x-amz-content-sha256). Nothing was changed."
        return S3Refusal(400, "XAmzContentSHA256Mismatch", message, request.resource)
    if not hmac.compare_digest(_signature(request, claim, secret), claim.signature):
        return _refusal(request, "SignatureDoesNotMatch", "The signature does not match. Check the secret access key.")
    return None


def signed_headers(
    method: str, host: str, bucket: str, key: str, access: tuple[str, str], now: datetime
) -> dict[str, str]:
    """Headers of a request without a body for an object; `access` is an access key and its secret."""
    time = now.strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": host, "x-amz-content-sha256": UNSIGNED, "x-amz-date": time}
    claim = _Claim(time, time[:8], OWN_REGION, tuple(headers), SKEW, UNSIGNED, "")
    request = S3Request("", method, bucket, key, (), tuple(headers.items()))
    credential = f"{access[0]}/{claim.date}/{claim.region}/s3/aws4_request"
    signature = _signature(request, claim, access[1])
    names = ";".join(claim.signed_headers)
    authorization = f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return {**headers, "authorization": authorization}


def _refusal(request: S3Request, code: str, message: str) -> S3Refusal:
    return S3Refusal(403, code, message, request.resource)


def _claim(request: S3Request) -> _Claim | None:
    authorization = request.header("authorization")
    if authorization is not None:
        match = AUTHORIZATION.fullmatch(authorization)
        if match is None:
            return None
        return _Claim(
            time=request.header("x-amz-date") or "",
            date=match["date"],
            region=match["region"],
            signed_headers=tuple(match["signed"].split(";")),
            expires=SKEW,
            payload=request.header("x-amz-content-sha256") or "",
            signature=match["signature"],
        )
    scope = CREDENTIAL.fullmatch(request.argument("X-Amz-Credential") or "")
    seconds = request.argument("X-Amz-Expires") or ""
    if scope is None or not re.fullmatch(r"\d{1,6}", seconds) or timedelta(seconds=int(seconds)) > LONGEST_URL:
        return None
    return _Claim(
        time=request.argument("X-Amz-Date") or "",
        date=scope["date"],
        region=scope["region"],
        signed_headers=tuple((request.argument("X-Amz-SignedHeaders") or "").split(";")),
        expires=timedelta(seconds=int(seconds)),
        payload=request.header("x-amz-content-sha256") or request.argument("X-Amz-Content-Sha256") or UNSIGNED,
        signature=request.argument("X-Amz-Signature") or "",
    )


def _time(text: str) -> datetime | None:
    if not re.fullmatch(r"\d{8}T\d{6}Z", text):
        return None
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _signature(request: S3Request, claim: _Claim, secret: str) -> str:
    canonical = hashlib.sha256(_canonical(request, claim).encode()).hexdigest()
    scope = f"{claim.date}/{claim.region}/s3/aws4_request"
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, f"{ALGORITHM}\n{claim.time}\n{scope}\n{canonical}".encode(), "sha256").hex()


def _canonical(request: S3Request, claim: _Claim) -> str:
    path = f"/{request.bucket}" + (f"/{request.key}" if request.key else "")
    pairs = sorted(
        (quote(name, safe=UNRESERVED), quote(value, safe=UNRESERVED))
        for name, value in request.query
        if name != "X-Amz-Signature"
    )
    values = dict(request.headers)
    headers = "".join(f"{name}:{' '.join(values.get(name, '').split())}\n" for name in claim.signed_headers)
    return "\n".join(
        [
            request.method,
            quote(path, safe="/" + UNRESERVED),
            "&".join(f"{name}={value}" for name, value in pairs),
            headers,
            ";".join(claim.signed_headers),
            claim.payload,
        ]
    )
