"""The session policy that narrows the broker's role to what one identity may reach. Pure.

The keys get what both the role's own policy and this one allow. AWS and MinIO cut session policies at 2,048 characters,
so a policy says no more than it must.
"""

import json
from collections.abc import Iterable
from typing import Any

from noteyard.s3_place import Place

MOST_CHARACTERS = 2048
# s3fs asks where a bucket is to learn whether it is there, before it makes a folder.
BUCKET = ["s3:GetBucketLocation"]
WHOLE_BUCKET = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]
# MinIO refuses policies that limit the list of uploads to a prefix.
LISTING = ["s3:ListBucket"]
READ = ["s3:GetObject", "s3:GetObjectTagging"]
WRITE = [
    *READ,
    "s3:PutObject",
    "s3:PutObjectTagging",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
]


DECRYPT, ENCRYPT = "kms:Decrypt", "kms:GenerateDataKey"


def session_policy(places: Iterable[Place], partition: str = "aws", kms_key_arn: str | None = None) -> str:
    """The policy as JSON, with ARNs of the cloud's partition, and of the key that the buckets are encrypted by.

    Raises ValueError when it is longer than servers take.
    """
    found = list(places)
    buckets = sorted({_bucket(place, partition) for place in found})
    statements = [
        _allow(BUCKET, buckets),
        *(statement for place in found for statement in _statements(place, partition)),
    ]
    if kms_key_arn is not None:
        # Parts of an upload are decrypted to be put together: writing needs both.
        writes = any(place.access == "write" for place in found)
        statements.append(_allow([DECRYPT, ENCRYPT] if writes else [DECRYPT], [kms_key_arn]))
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"The session policy has {len(text)} characters, more than {MOST_CHARACTERS}.")
    return text


def _bucket(place: Place, partition: str) -> str:
    return f"arn:{partition}:s3:::{place.bucket}"


def _statements(place: Place, partition: str) -> list[dict[str, Any]]:
    bucket = _bucket(place, partition)
    actions = WRITE if place.access == "write" else READ
    if not place.prefix:
        return [_allow(WHOLE_BUCKET, [bucket]), _allow(actions, [f"{bucket}/*"])]
    # The slash: what begins with people/ann belongs to anna as well.
    within = {"StringLike": {"s3:prefix": f"{place.prefix}/*"}}
    return [
        {**_allow(LISTING, [bucket]), "Condition": within},
        # Clients that look at a folder ask first for an object of its name.
        _allow(actions, [f"{bucket}/{place.prefix}", f"{bucket}/{place.prefix}/*"]),
    ]


def _allow(actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}
