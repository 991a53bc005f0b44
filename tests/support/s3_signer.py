"""Signed S3 requests with nothing tidied up: the target goes out as given. Written apart from the code under test."""

import hashlib
import hmac
import http.client
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote_plus, unquote_to_bytes

from noteyard.api.s3_guard import S3Key

REGION = "noteyard"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """S3's error code; empty when there is none."""
        return self.body.decode(errors="replace").partition("<Code>")[2].partition("</Code>")[0]


def signed(key: S3Key, method: str, host: str, target: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with a signature of version 4; `x-amz-content-sha256` and `x-amz-date` are kept when given."""
    at = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    given = {name.lower(): value for name, value in headers.items()}
    whole = {"host": host, "x-amz-date": at, "x-amz-content-sha256": hashlib.sha256(body).hexdigest(), **given}
    names = sorted(name for name in whole if name.startswith("x-amz-") or name == "host")
    path, _, query = target.partition("?")
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
    canonical = "\n".join(
        [
            method,
            quote(unquote_to_bytes(path), safe="/-_.~"),
            "&".join(f"{_encoded(name)}={_encoded(value)}" for name, value in pairs),
            *(f"{name}:{' '.join(whole[name].split())}" for name in names),
            "",
            ";".join(names),
            whole["x-amz-content-sha256"],
        ]
    )
    scope = f"{whole['x-amz-date'][:8]}/{REGION}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    secret = f"AWS4{key.secret}".encode()
    for part in scope.split("/"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    signature = hmac.digest(secret, f"AWS4-HMAC-SHA256\n{whole['x-amz-date']}\n{scope}\n{digest}".encode(), "sha256")
    whole["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key.access_key}/{scope}, SignedHeaders={';'.join(names)}, "
        f"Signature={signature.hex()}"
    )
    return whole


def send(port: int, key: S3Key, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Sign and send one request to 127.0.0.1."""
    whole = signed(key, method, f"127.0.0.1:{port}", target, body, headers)
    return send_plain(port, method, target, body, whole)


def send_plain(port: int, method: str, target: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """Send a request as it is."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.putrequest(method, target, skip_host="host" in headers, skip_accept_encoding=True)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        response = connection.getresponse()
        return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()


def _encoded(text: str) -> str:
    return quote(unquote_plus(text), safe="-_.~")
