"""Clients of S3 and of STS, whose library takes a third of a second to import: only who makes one pays for it."""

from collections.abc import Mapping
from typing import Any

from noteyard.s3_settings import S3

CONNECT_SECONDS, READ_SECONDS = 3, 5
ATTEMPTS = 2


def sts_client(options: S3, keys: tuple[str, str] | None) -> Any:
    """STS with an access key and its secret; without them with what the surroundings give: a role of the cloud."""
    access_key, secret = keys or (None, None)
    return _client(
        "sts",
        {},
        region_name=options.region,
        endpoint_url=options.sts_endpoint or options.endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
    )


def s3_client(options: S3, keys: tuple[str, str, str], connections: int) -> Any:
    """S3 by an access key, its secret and a session's token (empty: a lasting key), for so many requests at once."""
    access_key, secret, token = keys
    return _client(
        "s3",
        # A server of one's own has rarely a name for each bucket.
        {
            "max_pool_connections": connections,
            "s3": {"addressing_style": "path" if options.endpoint else "auto"},
        },
        region_name=options.region,
        endpoint_url=options.endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret,
        aws_session_token=token or None,
    )


def _client(service: str, further: Mapping[str, Any], **options: Any) -> Any:
    from botocore.config import Config
    from botocore.session import get_session

    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        **further,
    )
    return get_session().create_client(service, config=config, **options)
