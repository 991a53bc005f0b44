"""What session policies allow, and where the data of each identity is."""

import json
from typing import Any

import pytest
from noteyard.domain import DataUser
from noteyard.s3_place import Place
from noteyard.s3_places import DataIdentity, place_environment, places
from noteyard.s3_policies import MOST_CHARACTERS, session_policy
from noteyard.s3_settings import S3

OPTIONS = S3(
    team_url="s3://acme-team", personal_url="s3://acme-data/people/{person}", endpoint="http://minio:9000", region="eu"
)
MINIO: Any = {"endpoint": "http://minio:9000"}
ADA = DataIdentity(DataUser.PERSON, "ada", "ada")
RUN = DataIdentity(DataUser.RUN, "ada", "r1.1")
DASHBOARD = DataIdentity(DataUser.DASHBOARD, "ada", "d1.1.1")


def test_each_identity_has_its_places() -> None:
    own = {"team": "s3://acme-team write", "own": "s3://acme-data/people/ada write"}
    for identity, wanted in ((ADA, own), (RUN, own), (DASHBOARD, {"team": "s3://acme-team read"})):
        found = {str(area): f"{place.url} {place.access}" for area, place in places(OPTIONS, identity).items()}
        assert found == wanted, identity.user


def test_names_that_are_no_labels_get_places_that_nobody_else_has() -> None:
    def own(person: str) -> str:
        return places(OPTIONS, DataIdentity(DataUser.PERSON, person, person))["own"].prefix  # type: ignore[index]

    names = ["ada", "a.da", "a_da", "a-da", "ada-", "ada."]
    prefixes = [own(name) for name in names]
    assert len(set(prefixes)) == len(names)
    assert all("/" not in prefix.removeprefix("people/") for prefix in prefixes)


def test_no_data_is_configured() -> None:
    assert places(S3(personal_url="s3://data/{person}"), ADA) == {}
    assert place_environment(S3(), ADA) == {}


def test_the_policy_of_a_person() -> None:
    assert json.loads(session_policy(places(OPTIONS, ADA).values()))["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["s3:GetBucketLocation"],
            "Resource": ["arn:aws:s3:::acme-data", "arn:aws:s3:::acme-team"],
        },
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket", "s3:ListBucketMultipartUploads"],
            "Resource": ["arn:aws:s3:::acme-team"],
        },
        {"Effect": "Allow", "Action": WRITE, "Resource": ["arn:aws:s3:::acme-team/*"]},
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": ["arn:aws:s3:::acme-data"],
            "Condition": {"StringLike": {"s3:prefix": "people/ada/*"}},
        },
        {
            "Effect": "Allow",
            "Action": WRITE,
            "Resource": ["arn:aws:s3:::acme-data/people/ada", "arn:aws:s3:::acme-data/people/ada/*"],
        },
    ]


WRITE = [
    "s3:GetObject",
    "s3:GetObjectTagging",
    "s3:PutObject",
    "s3:PutObjectTagging",
    "s3:DeleteObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
]


def test_a_dashboards_policy_has_nothing_that_changes_anything() -> None:
    text = session_policy(places(OPTIONS, DASHBOARD).values())
    assert "Put" not in text and "Delete" not in text and "acme-data" not in text


GOVERNMENT = S3(
    team_url="s3://acme-team",
    personal_url="s3://acme-data/people/{person}",
    region="us-gov-west-1",
    role_arn="arn:aws-us-gov:iam::123456789012:role/noteyard-data",
    kms_key_arn="arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/0a1b2c3d-0000-1111-2222-333344445555",
)


@pytest.mark.parametrize(
    ("identity", "actions"), [(RUN, ["kms:Decrypt", "kms:GenerateDataKey"]), (DASHBOARD, ["kms:Decrypt"])]
)
def test_a_policy_names_the_clouds_partition_and_the_buckets_key(identity: DataIdentity, actions: list[str]) -> None:
    found = places(GOVERNMENT, identity).values()
    *data, key = json.loads(session_policy(found, GOVERNMENT.partition, GOVERNMENT.kms_key_arn))["Statement"]
    assert key == {"Effect": "Allow", "Action": actions, "Resource": [GOVERNMENT.kms_key_arn]}
    assert all(arn.startswith("arn:aws-us-gov:s3:::acme-") for statement in data for arn in statement["Resource"])


def test_a_role_of_another_server_leaves_the_partition_as_it_is() -> None:
    assert S3(role_arn="arn:minio:iam:::role/noteyard-data", **MINIO).partition == "aws"
    assert S3(role_arn="arn:aws-cn:iam::123456789012:role/data").partition == "aws-cn"


def test_the_policy_of_long_names_fits() -> None:
    bucket = "b" * 63
    longest = S3(team_url=f"s3://{bucket}/{'t' * 91}", personal_url=f"s3://{bucket}/{'p' * 82}/{{person}}", **MINIO)
    person = "a_" * 20
    found = places(longest, DataIdentity(DataUser.PERSON, person, person))
    assert 1700 < len(session_policy(found.values())) <= MOST_CHARACTERS
    with pytest.raises(ValueError, match="at most 160 characters"):
        S3(team_url=f"s3://{bucket}/{'t' * 92}", **MINIO)


def test_a_policy_that_servers_would_cut_is_not_made() -> None:
    with pytest.raises(ValueError, match=r"The session policy has \d+ characters, more than 2048"):
        session_policy([Place("bucket", "p" * 500, "write"), Place("bucket", "q" * 500, "write")])


def test_variables_lead_to_the_data_and_hold_no_secret() -> None:
    assert place_environment(OPTIONS, DASHBOARD) == {
        "NOTEYARD_TEAM_URL": "s3://acme-team",
        "AWS_REGION": "eu",
        "AWS_DEFAULT_REGION": "eu",
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": "http://minio:9000",
        "AWS_ENDPOINT_URL_S3": "http://minio:9000",
        "AWS_ALLOW_HTTP": "true",
    }
    assert place_environment(OPTIONS, ADA)["NOTEYARD_MY_URL"] == "s3://acme-data/people/ada"
