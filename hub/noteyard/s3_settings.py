"""Options of the data of team and people, where S3 is a server of its own (Kubernetes)."""

import re
from pathlib import PurePosixPath
from typing import Literal

from pydantic import Field, model_validator

from noteyard.s3_place import Place
from noteyard.s3_policies import session_policy
from noteyard.settings_section import Section

# What a policy would read as a pattern (*, ?, ${}) can't be part of a name.
SEGMENT = r"[A-Za-z0-9._=-]*(\{person\})?[A-Za-z0-9._=-]*"
URL = rf"^s3://{SEGMENT}(/{SEGMENT})*$"
KMS_KEY = r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/([A-Za-z0-9-]+|\*)$"
PERSON = "{person}"
LONGEST_PERSON, LONGEST_BUCKET = 50, 63
LONGEST_URL = 160
"""Session policies, which name each place several times, end at 2,048 characters."""


class S3(Section):
    """The data of team and people on Kubernetes: any S3 server. Empty team_url: pods get no data."""

    team_url: str | None = Field(
        default=None,
        pattern=URL,
        max_length=LONGEST_URL,
        description="The team's data: bucket and prefix, e.g. s3://acme-data/team.",
    )
    personal_url: str | None = Field(
        default=None,
        pattern=URL,
        max_length=LONGEST_URL,
        description="Each person's own data, with {person} in it, e.g. s3://acme-data/people/{person}; empty: none.",
    )
    endpoint: str | None = Field(
        default=None, pattern=r"^https?://[^/]+$", description="URL of the S3 server as pods reach it; empty: AWS."
    )
    region: str = Field(default="us-east-1", pattern=r"^[a-z0-9-]+$", description="Region of the buckets.")
    credentials: Literal["sts", "static"] = Field(
        default="sts",
        description="Pods get temporary keys by AssumeRole, or (static) one lasting key a person, from a Secret.",
    )
    role_arn: str | None = Field(
        default=None, pattern=r"^arn:[!-~]{16,}$", description="Role that is assumed; MinIO needs none, AWS does."
    )
    kms_key_arn: str | None = Field(
        default=None,
        pattern=KMS_KEY,
        description="KMS key by which AWS encrypts the buckets, which temporary keys may then use; an ARN, no alias; "
        "key/* in it: all that the role may use. Empty: the buckets are encrypted without KMS.",
    )
    session_seconds: int = Field(
        default=3600, ge=900, le=43200, description="How long temporary keys hold; they are renewed after half of it."
    )
    sts_endpoint: str | None = Field(
        default=None,
        pattern=r"^https?://[^/]+$",
        description="URL of STS; empty: the S3 server's, on AWS its region's.",
    )

    @model_validator(mode="after")
    def _apart(self) -> "S3":
        if self.team_url is None:
            return self
        if PERSON in self.team_url:
            raise ValueError("team_url: the team's data is the same for all; leave {person} out")
        _check_place("team_url", self.team_url)
        if self.credentials == "sts" and self.endpoint is None and self.role_arn is None:
            raise ValueError("role_arn is needed for temporary keys on AWS: the role that Noteyard may assume")
        if self.personal_url is not None:
            self._check_personal(self.personal_url, self.team_url)
        if self.credentials == "sts":
            self._check_policy(self.team_url)
        return self

    @property
    def partition(self) -> str:
        """The part of AWS that the role is in: `aws`, `aws-us-gov`, `aws-cn`. Other servers know the first one."""
        found = re.match(r"arn:(aws[a-z-]*):", self.role_arn or "")
        return found[1] if found else "aws"

    def _check_personal(self, personal_url: str, team_url: str) -> None:
        if personal_url.count(PERSON) != 1:
            raise ValueError("personal_url: put {person} into it once, so that everybody's data is apart")
        _check_place("personal_url", personal_url)
        if overlap(personal_url, team_url):
            raise ValueError(
                "personal_url and team_url: one lies within the other, so that everybody would read everybody's data; "
                "give them prefixes apart, e.g. s3://acme-data/team and s3://acme-data/people/{person}"
            )

    def _check_policy(self, team_url: str) -> None:
        urls = [team_url] if self.personal_url is None else [team_url, self.personal_url]
        widest = [Place.of(url.replace(PERSON, "p" * LONGEST_PERSON), "write") for url in urls]
        try:
            session_policy(widest, self.partition, self.kms_key_arn)
        except ValueError as error:
            raise ValueError(
                f"team_url and personal_url: {str(error).rstrip('.')}, with the longest of people's names. Give the "
                "data shorter prefixes, or buckets of its own without any"
            ) from None


def overlap(one: str, other: str) -> bool:
    """Whether one of two URLs lies within the other for some person."""
    return _within(one, other) or _within(other, one)


def _check_place(option: str, url: str) -> None:
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    longest = len(bucket.replace(PERSON, "p" * LONGEST_PERSON))
    plain = bucket.replace(PERSON, "p")
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]+[a-z0-9]", plain) or longest > LONGEST_BUCKET:
        raise ValueError(
            f"{option}: {bucket!r} can't be a bucket's name (3 to 63 lower-case letters, digits, dots and hyphens; "
            f"{{person}} takes up to {LONGEST_PERSON})"
        )
    parts = prefix.split("/") if prefix else []
    if any(part in ("", ".", "..") for part in parts):
        raise ValueError(f"{option}: the prefix {prefix!r} has an empty part; write s3://bucket/some/prefix")


def _within(inner: str, outer: str) -> bool:
    """Whether `inner` is `outer` or below it, for some person."""
    inside, outside = PurePosixPath(inner.removeprefix("s3://")).parts, PurePosixPath(outer.removeprefix("s3://")).parts
    return len(inside) >= len(outside) and all(_alike(*pair) for pair in zip(inside, outside, strict=False))


def _alike(one: str, other: str) -> bool:
    if PERSON not in one and PERSON not in other:
        return one == other
    if PERSON not in one:
        one, other = other, one
    begin, _, end = one.partition(PERSON)
    if PERSON in other:
        return True  # no two templates are compared; if they were, this is the careful answer
    return other.startswith(begin) and other.endswith(end) and len(other) > len(begin + end)
