"""Logins by password, and how guessing is slowed down."""

import threading
from datetime import UTC, datetime, timedelta

import argon2
import pytest
from noteyard.errors import Forbidden, NoteyardError
from noteyard.store import Database
from noteyard.store.logins import FREE, TooManyFailures, WrongPassword, verify_login
from noteyard.store.people import create_person, disable_person, enable_person, get_account, remove_person
from noteyard.store.tables import Account, LoginFailure
from sqlalchemy import select

PASSWORD = "correct horse battery"
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def people(database: Database) -> Database:
    with database.write() as session:
        create_person(session, "root", PASSWORD, admin=True)
        create_person(session, "alice", PASSWORD)
    return database


def refused(database: Database, name: str, moment: datetime, password: str = "wrong") -> NoteyardError:
    with pytest.raises(NoteyardError) as error:
        verify_login(database, name, password, moment)
    return error.value


def test_the_right_password_opens(people: Database) -> None:
    assert verify_login(people, "root", PASSWORD).admin
    with people.read() as session:
        assert get_account(session, "root").last_seen is not None


@pytest.mark.parametrize("name", ["alice", "nobody", "Not A Name"])
def test_a_wrong_password_and_an_unknown_name_sound_the_same(people: Database, name: str) -> None:
    error = refused(people, name, START)
    assert isinstance(error, WrongPassword)
    assert str(error) == "The name or the password is not right. Try again, or ask an administrator for a new password."


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_waits_double_with_each_failure_up_to_a_quarter_of_an_hour(people: Database, name: str) -> None:
    moment = START
    for _ in range(FREE):
        assert isinstance(refused(people, name, moment), WrongPassword)
    for wait in (2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900):
        error = refused(people, name, moment + timedelta(seconds=wait - 1), PASSWORD)
        assert isinstance(error, TooManyFailures), "the right password must wait too"
        assert error.seconds == 1
        moment += timedelta(seconds=wait)
        assert isinstance(refused(people, name, moment), WrongPassword)


def test_the_refusal_says_how_long_to_wait(people: Database) -> None:
    with people.write() as session:
        session.add(LoginFailure(name="alice", count=FREE + 2, last=START))
        session.add(LoginFailure(name="root", count=99, last=START))
    assert str(refused(people, "alice", START)) == (
        "Too many logins under this name have failed. Wait 8 seconds, then try again."
    )
    assert "Wait 15 minutes" in str(refused(people, "root", START))


def test_success_and_time_forget_failures(people: Database) -> None:
    for _ in range(FREE - 1):
        refused(people, "alice", START)
        refused(people, "nobody", START)
    verify_login(people, "alice", PASSWORD, START)
    refused(people, "root", START + timedelta(days=2))
    with people.read() as session:
        assert list(session.scalars(select(LoginFailure.name))) == ["root"]


def test_tries_at_the_same_time_do_not_slip_past_the_limit(people: Database) -> None:
    found: list[type] = []

    def attempt() -> None:
        try:
            verify_login(people, "alice", "wrong", START)
        except NoteyardError as error:
            found.append(type(error))

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 12
    assert found.count(WrongPassword) == FREE


def test_somebody_disabled_who_knows_the_password_is_told_so(people: Database) -> None:
    with people.write() as session:
        disable_person(session, "alice")
    assert isinstance(refused(people, "alice", START), WrongPassword)
    error = refused(people, "alice", START, PASSWORD)
    assert isinstance(error, Forbidden)
    assert str(error) == "This account is disabled. Ask an administrator to enable it."
    with people.write() as session:
        enable_person(session, "alice")
    assert "is being enabled again" in str(refused(people, "alice", START, PASSWORD))
    with people.write() as session:
        get_account(session, "alice").hub_cleared = True
    assert verify_login(people, "alice", PASSWORD, START).name == "alice"


def test_somebody_removed_is_unknown(people: Database) -> None:
    with people.write() as session:
        remove_person(session, "alice")
    assert isinstance(refused(people, "alice", START, PASSWORD), WrongPassword)


def test_an_old_hash_is_made_anew_at_login(people: Database) -> None:
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=64).hash(PASSWORD)
    with people.write() as session:
        session.get_one(Account, "alice").password_hash = weak
    verify_login(people, "alice", PASSWORD)
    with people.read() as session:
        assert session.get_one(Account, "alice").password_hash != weak
    assert verify_login(people, "alice", PASSWORD)


def test_an_unknown_name_costs_as_much_work_as_a_known_one(people: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    work: dict[str, list[argon2.Parameters]] = {}
    really = argon2.PasswordHasher.verify

    def counted(hasher: argon2.PasswordHasher, hash: str, password: str) -> bool:
        work[name].append(argon2.extract_parameters(hash))
        return really(hasher, hash, password)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", counted)
    for name in ("alice", "nobody", "No Name!"):
        work[name] = []
        assert isinstance(refused(people, name, START), WrongPassword)
    assert len(work["alice"]) == 1
    assert work["nobody"] == work["No Name!"] == work["alice"]
