"""Settings of the data that would mix what must be apart are refused in words."""

from pathlib import Path
from typing import Any

import pytest
from noteyard.s3_settings import S3
from noteyard.settings import Settings
from pydantic import ValidationError

MINIO = {"endpoint": "http://minio:9000"}


@pytest.mark.parametrize(
    ("team", "own", "said"),
    [
        ("s3://data", "s3://data/people/{person}", "one lies within the other"),
        ("s3://data/people/x/y", "s3://data/people/{person}", "one lies within the other"),
        ("s3://data/team", "s3://data/{person}", "one lies within the other"),
        ("s3://team-x", "s3://team-{person}", "one lies within the other"),
        ("s3://data/team", "s3://data/people", "put {person} into it once"),
        ("s3://data/{person}", None, "leave {person} out"),
        ("s3://data//team", None, "has an empty part"),
        ("s3://data/../team", None, "has an empty part"),
        ("s3://Data/team", None, "can't be a bucket's name"),
        ("s3://team", "s3://acme-noteyard-data-of-{person}", "can't be a bucket's name"),
        ("s3://data/te*m", None, "should match pattern"),
        ("https://data/team", None, "should match pattern"),
    ],
)
def test_refused(team: str, own: str | None, said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        S3(team_url=team, personal_url=own, **MINIO)  # type: ignore[arg-type]
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("team", "own"),
    [
        ("s3://data/team", "s3://data/people/{person}"),
        ("s3://team", "s3://people/{person}"),
        ("s3://acme-team", "s3://acme-my-{person}"),
        ("s3://data/team", "s3://data/teammates/{person}"),
        ("s3://data/team", None),
    ],
)
def test_taken(team: str, own: str | None) -> None:
    assert S3(team_url=team, personal_url=own, **MINIO).personal_url == own  # type: ignore[arg-type]


def test_aws_needs_a_role_for_temporary_keys() -> None:
    with pytest.raises(ValidationError, match="role_arn is needed for temporary keys on AWS"):
        S3(team_url="s3://data")
    assert S3(team_url="s3://data", credentials="static").role_arn is None
    assert S3(team_url="s3://data", role_arn="arn:aws:iam::123456789012:role/data").endpoint is None


def test_names_with_which_a_session_policy_would_be_too_long_are_refused() -> None:
    bucket = "b" * 63
    urls = {"team_url": f"s3://{bucket}/{'t' * 91}", "personal_url": f"s3://{bucket}/{'p' * 82}/{{person}}"}
    role, key = "arn:aws-us-gov:iam::123456789012:role/data", "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/"
    with pytest.raises(ValidationError, match=r"team_url and personal_url: The session policy has 2\d\d\d characters"):
        S3(**urls, role_arn=role, kms_key_arn=f"{key}0a1b2c3d-0000-1111-2222-333344445555")  # type: ignore[arg-type]
    assert S3(**urls, credentials="static").team_url == urls["team_url"]  # type: ignore[arg-type]
    shorter = {**urls, "team_url": "s3://acme-team"}
    assert S3(**shorter, role_arn=role, kms_key_arn=f"{key}*").kms_key_arn == f"{key}*"  # type: ignore[arg-type]


@pytest.mark.parametrize("key", ["alias/data", "arn:aws:kms:eu-central-1:123456789012:alias/data", "*"])
def test_a_kms_key_is_named_by_its_arn(key: str) -> None:
    with pytest.raises(ValidationError, match="kms_key_arn"):
        S3(kms_key_arn=key)


@pytest.mark.parametrize(
    ("objects", "refused"),
    [
        ({"url": "s3://data/team/objects", **MINIO}, "s3.team_url"),
        ({"url": "s3://data", **MINIO}, "s3.team_url"),
        ({"url": "s3://data/people/objects/", **MINIO}, "s3.personal_url"),
        ({"url": "s3://data/noteyard", **MINIO}, None),
        ({"url": "s3://data/team/objects", "endpoint": "http://minio.place:9000"}, "s3.team_url"),
        ({"url": "s3://data/team/objects"}, None),
    ],
)
def test_noteyards_own_objects_are_not_where_people_write(
    tmp_path: Path, objects: dict[str, Any], refused: str | None
) -> None:
    data = {"team_url": "s3://data/team", "personal_url": "s3://data/people/{person}", **MINIO}
    given: dict[str, Any] = {"state": tmp_path, "s3": data, "objects": objects}
    if refused is None:
        assert Settings(**given).objects.url == objects["url"]
        return
    with pytest.raises(ValidationError) as error:
        Settings(**given)
    assert f"objects.url and {refused}: one lies within the other" in str(error.value)
