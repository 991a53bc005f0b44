"""DeleteObjects: which keys it names, which are refused, and what it answers."""

import base64

import pytest
from noteyard.s3_deletions import RefusedKey, deletions_xml, parse_deletions
from noteyard.s3_digests import DIGESTS, check_digests
from noteyard.s3_requests import parse


def document(*objects: str, more: str = "") -> bytes:
    items = "".join(f"<Object>{fields}</Object>" for fields in objects)
    return f'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{items}{more}</Delete>'.encode()


def test_keys_are_read_and_those_that_ask_for_more_than_a_delete_are_refused() -> None:
    wanted = parse_deletions(
        document(
            "<Key>a/b &amp; c.txt</Key>",
            "<Key>folder/</Key>",
            "<Key>v</Key><VersionId>3</VersionId>",
            "<Key>e</Key><ETag>x</ETag>",
            "<Key>../up</Key>",
            "<Key></Key>",
        )
    )
    assert wanted is not None
    assert wanted.keys == ("a/b & c.txt", "folder/")
    assert [(refused.key, refused.code) for refused in wanted.refused] == [
        ("v", "NotImplemented"),
        ("e", "NotImplemented"),
        ("../up", "InvalidArgument"),
        ("", "InvalidArgument"),
    ]
    assert wanted.refused[0].message == (
        "VersionId is not available here: there are no versions and no conditions. Not deleted."
    )
    assert not wanted.quiet


def test_quiet_is_understood() -> None:
    wanted = parse_deletions(document("<Key>a</Key>", more="<Quiet>true</Quiet>"))
    assert wanted is not None and wanted.quiet


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"junk",
        b"<Delete></Delete>",
        b"<Other><Object><Key>a</Key></Object></Other>",
        document(*["<Key>a</Key>"] * 1001),
        b'<!DOCTYPE Delete [<!ENTITY a "b">]>' + document("<Key>&a;</Key>"),
        document("<Key>a</Key>").decode().encode("utf-16"),
    ],
)
def test_other_documents_are_none(body: bytes) -> None:
    assert parse_deletions(body) is None


def test_the_answer_lists_both() -> None:
    answer = deletions_xml(["a<b"], [RefusedKey("c", "NotImplemented", "No.")]).decode()
    assert "<Deleted><Key>a&lt;b</Key></Deleted>" in answer
    assert "<Error><Key>c</Key><Code>NotImplemented</Code><Message>No.</Message></Error>" in answer


# The check values of "123456789": RFC 3720, the CRC catalogue (crc-64/nvme), RFC 1321 and FIPS 180's by other tools.
@pytest.mark.parametrize(
    ("name", "digest"),
    [
        ("content-md5", "25f9e794323b453885f5181f1b624d0b"),
        ("x-amz-checksum-crc32", "cbf43926"),
        ("x-amz-checksum-crc32c", "e3069283"),
        ("x-amz-checksum-crc64nvme", "ae8b14860a799888"),
        ("x-amz-checksum-sha1", "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
        ("x-amz-checksum-sha256", "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"),
    ],
)
def test_digests_are_checked(name: str, digest: str) -> None:
    value = base64.b64encode(bytes.fromhex(digest)).decode()
    asked = parse("POST", "/team?delete", [(name, value)])
    assert name in DIGESTS
    assert check_digests(asked, b"123456789") is None
    refusal = check_digests(asked, b"12345678")
    assert refusal is not None and (refusal.code, name in refusal.message) == ("BadDigest", True)
