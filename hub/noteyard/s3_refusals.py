"""Refusals as S3 clients understand them: an HTTP status, one of S3's error codes and a sentence, as XML."""

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class S3Refusal:
    """Why a request is not carried out. `resource` is the path it asked for."""

    status: int
    code: str
    message: str
    resource: str = ""

    def xml(self) -> bytes:
        """The body of the answer, as S3 writes it."""
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{xml_text(self.code)}</Code><Message>{xml_text(self.message)}</Message>"
            f"<Resource>{xml_text(self.resource)}</Resource></Error>"
        ).encode()


def xml_text(text: str) -> str:
    """`text` for an XML document: escaped, with a question mark for characters that XML can't hold."""
    return escape(NOT_XML.sub("?", text))


def access_denied(message: str, resource: str = "") -> S3Refusal:
    return S3Refusal(403, "AccessDenied", message, resource)


def not_implemented(message: str, resource: str = "") -> S3Refusal:
    return S3Refusal(501, "NotImplemented", message, resource)


def invalid_argument(message: str, resource: str = "") -> S3Refusal:
    return S3Refusal(400, "InvalidArgument", message, resource)


def invalid_request(message: str, resource: str = "") -> S3Refusal:
    return S3Refusal(400, "InvalidRequest", message, resource)


def unknown_key() -> S3Refusal:
    """The access key does not exist, or has been revoked."""
    return S3Refusal(
        403,
        "InvalidAccessKeyId",
        "This access key does not exist or has been revoked. In a lab, restart the lab to get the current one.",
    )
