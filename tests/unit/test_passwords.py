"""Password hashes."""

import argon2
import pytest
from noteyard.errors import InvalidParameters
from noteyard.passwords import LONGEST, hash_password, needs_rehash, new_password, verify


def test_a_hash_is_argon2id_and_opens_with_its_password_alone() -> None:
    hash = hash_password("correct horse battery")
    assert hash.startswith("$argon2id$")
    assert verify("correct horse battery", hash)
    assert not verify("correct horse batter", hash)
    assert not needs_rehash(hash)


def test_nobody_and_what_is_no_hash_open_with_nothing() -> None:
    assert not verify("anything at all", None)
    assert not verify("anything at all", "plain text")


def test_a_weaker_hash_is_to_be_made_anew() -> None:
    assert needs_rehash(argon2.PasswordHasher(time_cost=1, memory_cost=64).hash("correct horse battery"))


@pytest.mark.parametrize(
    ("password", "said"),
    [("short", "must have at least 10 characters"), ("x" * (LONGEST + 1), "must have at most 200 characters")],
)
def test_lengths_are_bounded(password: str, said: str) -> None:
    with pytest.raises(InvalidParameters, match=f"password: {said}"):
        hash_password(password)


def test_a_first_password_is_accepted_and_new_each_time() -> None:
    first, second = new_password(), new_password()
    assert first != second
    assert verify(first, hash_password(first))
