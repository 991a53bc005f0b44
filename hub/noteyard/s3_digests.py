"""The digests that S3 clients send with a body, checked. Pure."""

import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping

from noteyard.s3_refusals import S3Refusal
from noteyard.s3_requests import S3Request


def _reflected_crc(polynomial: int, bits: int) -> Callable[[bytes], bytes]:
    """A CRC with reflected input and output, all ones at start and end; `polynomial` is given reflected."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ polynomial if value & 1 else value >> 1
        table.append(value)
    ones = (1 << bits) - 1

    def digest(body: bytes) -> bytes:
        crc = ones
        for byte in body:
            crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
        return (crc ^ ones).to_bytes(bits // 8, "big")

    return digest


DIGESTS: Mapping[str, Callable[[bytes], bytes]] = {
    "content-md5": lambda body: hashlib.md5(body, usedforsecurity=False).digest(),
    "x-amz-checksum-crc32": lambda body: zlib.crc32(body).to_bytes(4, "big"),
    "x-amz-checksum-crc32c": _reflected_crc(0x82F63B78, 32),
    "x-amz-checksum-crc64nvme": _reflected_crc(0x9A6C9329AC4BC9B5, 64),
    "x-amz-checksum-sha1": lambda body: hashlib.sha1(body, usedforsecurity=False).digest(),
    "x-amz-checksum-sha256": lambda body: hashlib.sha256(body).digest(),
}


def check_digests(request: S3Request, body: bytes) -> S3Refusal | None:
    """Whether the body has the digests that its headers give; None when it has."""
    for name, digest in DIGESTS.items():
        given = request.header(name)
        if given is not None and given != base64.b64encode(digest(body)).decode():
            message = f"The body does not have the digest in the header {name}. Nothing was changed."
            return S3Refusal(400, "BadDigest", message, request.resource)
    return None
