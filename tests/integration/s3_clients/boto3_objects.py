"""boto3 with no options, against the embedded S3. Prints `fine` at the end."""

import io
import os
import urllib.error
import urllib.request
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

BUCKET = os.environ["NOTEYARD_TEAM_URL"].removeprefix("s3://")
folder = Path(os.environ["HOME"]) / "s3" / BUCKET
s3 = boto3.client("s3")


def refused(operation: str, code: str, **arguments: object) -> str:
    """The message of a call that must be refused; the object at `boto/a.txt` must be what it was."""
    try:
        getattr(s3, operation)(Bucket=BUCKET, **arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, (operation, error)
        assert (folder / "boto/a.txt").read_bytes() == b"original", operation
        return str(error.response["Error"]["Message"])
    raise AssertionError(f"{operation} was carried out")


s3.put_object(Bucket=BUCKET, Key="boto/a.txt", Body=b"original", ContentType="text/plain")
assert s3.get_object(Bucket=BUCKET, Key="boto/a.txt")["Body"].read() == b"original"
assert s3.get_object(Bucket=BUCKET, Key="boto/a.txt", Range="bytes=1-3")["Body"].read() == b"rig"
assert s3.head_object(Bucket=BUCKET, Key="boto/a.txt")["ContentLength"] == 8
assert BUCKET in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]

a = {"Key": "boto/a.txt"}
message = refused("put_object_tagging", "NotImplemented", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}, **a)
assert message == "?tagging is not available here (PutObject). Nothing was changed.", message
refused("get_object_tagging", "NotImplemented", **a)
refused("delete_object_tagging", "NotImplemented", **a)
refused("put_object_acl", "NotImplemented", ACL="public-read", **a)
refused("get_object_acl", "NotImplemented", **a)
refused("put_object_legal_hold", "NotImplemented", LegalHold={"Status": "ON"}, **a)
refused("put_object_retention", "NotImplemented", Retention={"Mode": "GOVERNANCE"}, **a)
refused("get_object_torrent", "NotImplemented", **a)
refused("restore_object", "MethodNotAllowed", RestoreRequest={"Days": 1}, **a)
refused("get_object_attributes", "NotImplemented", ObjectAttributes=["ETag"], **a)
refused("delete_object", "NotImplemented", VersionId="x", **a)
refused("get_object", "NotImplemented", VersionId="x", **a)
refused("list_object_versions", "NotImplemented")
refused("put_bucket_versioning", "NotImplemented", VersioningConfiguration={"Status": "Enabled"})
refused("put_bucket_policy", "NotImplemented", Policy="{}")
refused("put_bucket_lifecycle_configuration", "NotImplemented", LifecycleConfiguration={"Rules": []})
refused("put_object", "NotImplemented", Body=b"NEW", Tagging="a=b", **a)
refused("put_object", "NotImplemented", Body=b"NEW", ACL="public-read", **a)
refused("put_object", "NotImplemented", Body=b"NEW", Metadata={"colour": "red"}, **a)
refused("put_object", "NotImplemented", Body=b"NEW", ServerSideEncryption="AES256", **a)
refused("put_object", "NotImplemented", Body=b"NEW", IfNoneMatch="*", **a)
refused("put_object", "NotImplemented", Body=b"NEW", ChecksumAlgorithm="CRC32", **a)
refused("put_object", "NotImplemented", Body=b"NEW", ContentEncoding="gzip", **a)
refused("put_object", "InvalidStorageClass", Body=b"NEW", StorageClass="GLACIER", **a)
refused("copy_object", "AccessDenied", CopySource={"Bucket": "my-bob", "Key": "x"}, **a)
refused("copy_object", "InvalidRequest", CopySource={"Bucket": BUCKET, "Key": "boto/a.txt"}, **a)
refused("put_object", "InvalidRequest", Body=b"NEW", Key="boto/a.txt/below")
refused("put_object", "InvalidRequest", Body=b"x" * (20 << 20), Key="boto")
refused("create_multipart_upload", "NotImplemented", Tagging="a=b", **a)
refused("delete_bucket", "AccessDenied")

big = os.urandom(30 << 20)
s3.upload_fileobj(io.BytesIO(big), BUCKET, "boto/big.bin")
assert (folder / "boto/big.bin").read_bytes() == big
taken = io.BytesIO()
s3.download_fileobj(BUCKET, "boto/big.bin", taken)
assert taken.getvalue() == big
s3.copy_object(Bucket=BUCKET, Key="boto/b ü+c.txt", CopySource={"Bucket": BUCKET, "Key": "boto/a.txt"})
assert (folder / "boto/b ü+c.txt").read_bytes() == b"original"

url = s3.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "boto/b ü+c.txt"})
assert urllib.request.urlopen(url).read() == b"original"
url = s3.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "boto/put.txt"})
urllib.request.urlopen(urllib.request.Request(url, method="PUT", data=b"by url"))
assert (folder / "boto/put.txt").read_bytes() == b"by url"
url = s3.generate_presigned_url("delete_object", {"Bucket": BUCKET, "Key": "boto/put.txt"})
urllib.request.urlopen(urllib.request.Request(url, method="DELETE"))
assert not (folder / "boto/put.txt").exists()
try:
    urllib.request.urlopen(urllib.request.Request(f"{url}&tagging", method="DELETE"))
    raise AssertionError("a signed URL was extended")
except urllib.error.HTTPError as error:
    assert error.code == 501

for number in range(25):
    s3.put_object(Bucket=BUCKET, Key=f"boto/many/{number:03}.txt", Body=b"x")
pages = s3.get_paginator("list_objects_v2").paginate(
    Bucket=BUCKET, Prefix="boto/many/", PaginationConfig={"PageSize": 7}
)
keys = [item["Key"] for page in pages for item in page["Contents"]]
assert keys == [f"boto/many/{number:03}.txt" for number in range(25)], keys
listing = s3.list_objects_v2(Bucket=BUCKET, Prefix="boto/", Delimiter="/")
assert [prefix["Prefix"] for prefix in listing["CommonPrefixes"]] == ["boto/many/"]
answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in [*keys, "boto/a.txt/x"]]})
assert len(answer["Deleted"]) == 26 and "Errors" not in answer
assert not (folder / "boto/many").exists()
assert (folder / "boto/a.txt").read_bytes() == b"original"
answer = s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "boto/a.txt", "VersionId": "3"}]})
assert answer["Errors"][0]["Code"] == "NotImplemented"
boto3.resource("s3").Bucket(BUCKET).objects.filter(Prefix="boto/").delete()
assert not (folder / "boto").exists()
print("fine")
