"""What boto3 is refused at somebody else's data: python - PERSON. Prints `fine` at the end."""

import os
import sys

import boto3
from botocore.exceptions import ClientError

person = sys.argv[1]
s3 = boto3.client("s3")
bucket, _, own = os.environ["NOTEYARD_MY_URL"].removeprefix("s3://").partition("/")
key = f"{person}/secret.txt"
s3.put_object(Bucket=bucket, Key=f"{own}/mine.txt", Body=b"mine")

REFUSED = [
    ("get_object", {"Key": key}),
    ("head_object", {"Key": key}),
    ("put_object", {"Key": key, "Body": b"changed"}),
    ("delete_object", {"Key": key}),
    ("get_object_tagging", {"Key": key}),
    ("create_multipart_upload", {"Key": key}),
    ("list_objects_v2", {"Prefix": f"{person}/"}),
    ("list_objects_v2", {"Prefix": person}),
    ("list_objects_v2", {}),
    ("list_objects_v2", {"Prefix": own}),  # what begins like one's own name is somebody else's
    ("list_multipart_uploads", {"Prefix": f"{person}/"}),
    ("list_object_versions", {"Prefix": f"{person}/"}),
    ("get_bucket_policy", {}),
    ("copy_object", {"Key": f"{own}/taken.txt", "CopySource": {"Bucket": bucket, "Key": key}}),
    ("copy_object", {"Key": key, "CopySource": {"Bucket": bucket, "Key": f"{own}/mine.txt"}}),
    ("get_object", {"Key": "r", "Bucket": "noteyard"}),
    ("list_objects_v2", {"Bucket": "noteyard"}),
]
for operation, arguments in REFUSED:
    try:
        getattr(s3, operation)(**{"Bucket": bucket, **arguments})
    except ClientError as error:
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 403, (operation, arguments, error)
    else:
        raise AssertionError(f"{operation} {arguments} was carried out")
answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})
assert [one["Code"] for one in answer["Errors"]] == ["AccessDenied"], answer
sts = boto3.client("sts")
try:
    sts.assume_role(RoleArn="arn:aws:iam:::role/x", RoleSessionName="more")
    raise AssertionError("a session opened another")
except ClientError:
    print("fine")
