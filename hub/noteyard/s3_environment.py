"""What people's code gets to reach the data with no options given. Pure."""

from collections.abc import Mapping
from typing import Protocol

from noteyard.names import TEAM_BUCKET

# boto3 signs URLs for us-east-1 in a way that is long gone from S3 (version 2); any other name will do.
REGION = "noteyard"


class Key(Protocol):
    """An access key and what it opens: bucket to `read` or `write`."""

    @property
    def access_key(self) -> str: ...
    @property
    def secret(self) -> str: ...
    @property
    def grants(self) -> Mapping[str, str]: ...


def s3_environment(key: Key, endpoint: str) -> dict[str, str]:
    """Environment variables for labs, runs and dashboards; `endpoint` is the S3's public URL.

    boto3, s3fs, pandas and pyarrow read them by themselves. NOTEYARD_TEAM_URL and NOTEYARD_MY_URL (`s3://bucket`, no
    slash at the end) are there when the key opens the bucket.
    """
    environment = {
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        **server_environment(endpoint, REGION),
    }
    for bucket in key.grants:
        name = "NOTEYARD_TEAM_URL" if bucket == TEAM_BUCKET else "NOTEYARD_MY_URL"
        environment[name] = f"s3://{bucket}"
    return environment


def server_environment(endpoint: str | None, region: str) -> dict[str, str]:
    """Variables by which clients find the server; `endpoint` None: AWS."""
    environment = {
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        # The embedded server, and others that are not AWS, can't check the newer checksums and refuse them.
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        # Clients would otherwise ask the network for credentials and wait for it.
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    if endpoint is not None:
        environment["AWS_ENDPOINT_URL"] = environment["AWS_ENDPOINT_URL_S3"] = endpoint
        if endpoint.startswith("http://"):
            environment["AWS_ALLOW_HTTP"] = "true"  # obstore, polars, deltalake
    return environment
