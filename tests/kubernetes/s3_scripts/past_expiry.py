"""Clients that go on past the end of the session they began with. Prints `fine` at the end."""

import os
import time
from datetime import UTC, datetime

import boto3
import s3fs
from botocore.exceptions import ClientError, EndpointConnectionError
from pyarrow import fs

url = os.environ["NOTEYARD_TEAM_URL"]
bucket = url.removeprefix("s3://")
session = boto3.Session()
s3, files = session.client("s3"), s3fs.S3FileSystem()
store, path = fs.FileSystem.from_uri(url)
s3.put_object(Bucket=bucket, Key="expiry.txt", Body=b"here")


def all_read() -> None:
    assert s3.get_object(Bucket=bucket, Key="expiry.txt")["Body"].read() == b"here"
    files.invalidate_cache()
    assert files.cat(f"{url}/expiry.txt") == b"here"
    assert store.get_file_info(f"{path}/expiry.txt").size == 4


all_read()
first = session.get_credentials().get_frozen_credentials()
ends = session.get_credentials()._expiry_time
time.sleep(max(0, (ends - datetime.now(UTC)).total_seconds()) + 5)
for tries_left in reversed(range(5)):
    try:
        all_read()
        break
    except (EndpointConnectionError, OSError) as error:  # a machine too busy to resolve names; not a refusal
        if tries_left == 0 or isinstance(error, PermissionError):
            raise
        time.sleep(5)
old = boto3.client(
    "s3",
    aws_access_key_id=first.access_key,
    aws_secret_access_key=first.secret_key,
    aws_session_token=first.token,
)
try:
    old.get_object(Bucket=bucket, Key="expiry.txt")
    raise AssertionError("the first session did not end")
except ClientError as error:
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403), error
print("fine")
