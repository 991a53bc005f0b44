"""The embedded S3's part of Traefik's configuration. Pure.

Every request goes to the API for a word first (ForwardAuth; the body stays with the edge until then, and is never sent
there). What is allowed goes on to rclone as it came: signatures cover the host, the path and the headers. Deletes and
folders go to the API instead, which does them itself.
"""

from typing import Any

S3 = "s3"
GUARD = "/internal/v1/s3/guard"
FOLDER = "/internal/v1/s3/folder"
# Deletes but that of an upload, DeleteObjects, and keys that end with a slash.
FOLDER_RULE = (
    "(Method(`DELETE`) && !QueryRegexp(`uploadId`, `.*`)) || (Method(`POST`) && QueryRegexp(`delete`, `.*`))"
    " || PathRegexp(`^/[^/]+/.+/$`)"
)
REFUSAL_BYTES = 64 * 1024


def s3_entrypoint(address: str) -> dict[str, Any]:
    """Traefik's entry point for S3 at `host:port`; the caller adds TLS."""
    return {
        "address": address,
        "transport": {"respondingTimeouts": {"readTimeout": 0, "writeTimeout": 0}},
        "http": {
            # Names of people's own metadata (x-amz-meta-a_b) are signed; the server reads each name as it stands.
            "aliasHeadersStrategy": "keep",
            # Keys hold any character, and what the path says is what was signed: the guard refuses what is not safe.
            "sanitizePath": False,
            "encodedCharacters": {
                "allowEncodedSlash": True,
                "allowEncodedBackSlash": True,
                "allowEncodedNullCharacter": True,
                "allowEncodedSemicolon": True,
                "allowEncodedPercent": True,
                "allowEncodedQuestionMark": True,
                "allowEncodedHash": True,
            },
            "maxHeaderBytes": 64 * 1024,
        },
    }


def s3_dynamic(api: str, rclone: str) -> dict[str, Any]:
    """Routers, middlewares and services; `api` and `rclone` are http://host:port."""
    return {
        "http": {
            "routers": {
                "s3": _router("PathPrefix(`/`)", "s3", 10, "s3-headers", "s3-guard"),
                "s3-folder": _router(FOLDER_RULE, "s3-folder", 20, "s3-headers", "s3-folder"),
            },
            "middlewares": {
                "s3-headers": {"headers": _HEADERS},
                "s3-guard": {"forwardAuth": _guard(api)},
                "s3-folder": {"addPrefix": {"prefix": FOLDER}},
            },
            "services": {"s3": _service(rclone, serversTransport="s3"), "s3-folder": _service(api)},
            # rclone drops connections after an answer that went wrong (an object replaced while it was read); the next
            # upload on such a connection would fail.
            "serversTransports": {"s3": {"maxIdleConnsPerHost": -1}},
        }
    }


_HEADERS = {
    # Browsers send the hub's cookies here too: they know no ports.
    "customRequestHeaders": {"Cookie": ""},
    # An object is somebody's upload. On one machine S3 shares its host name with the hub, so a page among the objects
    # must not run: its script could read the hub's cookies.
    "customResponseHeaders": {
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Set-Cookie": "",
        # rclone keeps the aws-chunked of an upload in frames, which it has unpacked. Others are never stored.
        "Content-Encoding": "",
    },
}


def _router(rule: str, service: str, priority: int, *middlewares: str) -> dict[str, Any]:
    return {
        "entryPoints": [S3],
        "rule": rule,
        "priority": priority,
        "middlewares": list(middlewares),
        "service": service,
    }


def _guard(api: str) -> dict[str, Any]:
    # No list of request headers: the guard refuses those that it does not know, so it has to see them all.
    return {
        "address": f"{api}{GUARD}",
        "trustForwardHeader": False,
        "forwardBody": False,
        "maxResponseBodySize": REFUSAL_BYTES,
    }


def _service(url: str, **more: str) -> dict[str, Any]:
    return {"loadBalancer": {"servers": [{"url": url}], "passHostHeader": True, **more}}
