"""A place in S3 that somebody may reach."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Place:
    """What is below a prefix (without slashes at its ends; empty: all) of a bucket, to be read or written too."""

    bucket: str
    prefix: str
    access: Literal["read", "write"]

    @classmethod
    def of(cls, url: str, access: Literal["read", "write"]) -> "Place":
        """Of a URL `s3://bucket/prefix`."""
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        return cls(bucket, prefix, access)

    @property
    def url(self) -> str:
        """`s3://bucket/prefix`, without a slash at its end."""
        return f"s3://{self.bucket}/{self.prefix}" if self.prefix else f"s3://{self.bucket}"
