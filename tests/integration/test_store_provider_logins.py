"""People of a login's provider: made at the first login, kept apart, told their groups; refused in words."""

from collections.abc import Callable
from typing import Any

import pytest
from noteyard.domain import Person
from noteyard.errors import Forbidden
from noteyard.hub_logins import epoch_of
from noteyard.store import Database
from noteyard.store.people import (
    create_person,
    disable_person,
    enable_person,
    forget_identity,
    remove_person,
    set_groups,
)
from noteyard.store.provider_logins import Known, account_of, refuse, take_over
from noteyard.store.sessions import end_logins, find_session, open_session, people_logged_in
from noteyard.store.tables import Account, AuditEntry
from sqlalchemy import select


def log_in(
    database: Database, name: str, subject: str, groups: set[str] | None = None, admin: bool | None = None
) -> Person:
    with database.write() as session:
        known = Known(name, subject, frozenset(groups) if groups is not None else None, admin)
        return take_over(session, known)


def change(database: Database, act: Callable[..., Any], *words: Any) -> Any:
    with database.write() as session:
        return act(session, *words)


def test_a_first_login_makes_the_person_and_each_one_tells_the_groups(database: Database) -> None:
    assert log_in(database, "ada", "kc 1", {"sales"}) == Person("ada", frozenset({"sales"}), False)
    assert log_in(database, "ada", "kc 1", {"research"}, True) == Person("ada", frozenset({"research"}), True)
    assert log_in(database, "ada", "kc 1", set(), False) == Person("ada", frozenset(), False)
    with database.read() as session:
        account = session.get_one(Account, "ada")
        assert not account.registered and account.password_hash is None and account.last_seen is not None
        entries = [(e.who, e.action, e.detail) for e in session.scalars(select(AuditEntry).order_by(AuditEntry.id))]
    assert entries == [
        ("login", "person.create", {}),
        ("login", "person.groups", {"groups": ["sales"]}),
        ("login", "person.groups", {"groups": ["research"]}),
        ("login", "person.admin", {"admin": True}),
        ("login", "person.groups", {"groups": []}),
        ("login", "person.admin", {"admin": False}),
    ]


def test_groups_and_rights_of_ours_stay_where_the_provider_has_no_say(database: Database) -> None:
    with database.write() as session:
        create_person(session, "ada", None, admin=True)
        set_groups(session, "ada", ["sales"])
    assert log_in(database, "ada", "kc 1") == Person("ada", frozenset({"sales"}), True)


def test_a_person_who_is_renamed_there_keeps_the_name_here(database: Database) -> None:
    log_in(database, "ada", "kc 1")
    assert log_in(database, "ada.king", "kc 1").name == "ada"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "ada",
            "The name 'ada' belongs to somebody else here. Ask an administrator; if you are the same person",
        ),
        (
            "local",
            "The name 'local' has a local account with a password here. If it is yours, ask an administrator",
        ),
        ("gone", "The name 'gone' belonged to somebody who was removed; it is not used again. Ask an administrator"),
        ("ada l", "Your name there, 'ada l', can't be a name here: letters, digits, dots, hyphens and underscores can"),
        ("portal", "Your name there, 'portal', can't be a name here: "),
    ],
)
def test_a_name_that_can_not_be_had_is_refused_in_words(database: Database, name: str, said: str) -> None:
    log_in(database, "ada", "kc 1")
    with database.write() as session:
        create_person(session, "local", "correct horse battery")
        create_person(session, "gone", "correct horse battery")
        remove_person(session, "gone")
    with pytest.raises(Forbidden) as error:
        log_in(database, name, "kc 2")
    assert str(error.value).startswith(said)


def test_an_account_can_be_given_to_a_new_login(database: Database) -> None:
    log_in(database, "ada", "kc 1")
    change(database, create_person, "local", "correct horse battery")
    for name in ("ada", "local"):
        change(database, forget_identity, name)
        assert log_in(database, name, f"kc new {name}").name == name
    with pytest.raises(Forbidden, match="belongs to somebody else"):
        log_in(database, "ada", "kc 1")


def test_somebody_disabled_or_removed_stays_out(database: Database) -> None:
    for name in ("ada", "bob"):
        log_in(database, name, f"kc {name}")
    change(database, disable_person, "ada")
    change(database, remove_person, "bob")
    with pytest.raises(Forbidden, match=r"This account is disabled\. Ask an administrator of Noteyard to enable it"):
        log_in(database, "ada", "kc ada")
    with pytest.raises(Forbidden, match=r"Your account here was removed\."):
        log_in(database, "bob", "kc bob")
    change(database, enable_person, "ada")
    with pytest.raises(Forbidden, match="is being enabled again"):
        log_in(database, "ada", "kc ada")


def test_who_may_not_log_in_any_more_loses_all_logins_until_they_may(database: Database) -> None:
    log_in(database, "ada", "kc 1")
    with database.write() as session:
        cookie = open_session(session, "ada", 1)
        session.flush()
        assert people_logged_in(session) == ["ada"]
        before = epoch_of(session.get_one(Account, "ada"))
    change(database, refuse, Known("ada", "kc 1"))
    change(database, refuse, Known("ada", "kc 1"))
    with database.read() as session:
        account = session.get_one(Account, "ada")
        assert account.refused and account.login_epoch == 1 and epoch_of(account) != before
        assert find_session(session, cookie) is None and people_logged_in(session) == []
    log_in(database, "ada", "kc 1")
    with database.read() as session:
        assert not session.get_one(Account, "ada").refused


def test_a_stranger_who_is_refused_changes_nothing_of_anybody_s(database: Database) -> None:
    log_in(database, "ada", "kc 1")
    change(database, create_person, "bob", None)
    for known in (Known("ada", "kc 2"), Known("bob", "kc 3"), Known("eve", "kc 4")):
        change(database, refuse, known)
    with database.read() as session:
        assert not [account.name for account in session.scalars(select(Account)) if account.refused]
        assert session.get(Account, "eve") is None
        assert account_of(session, Known("ada", "kc 2")) is None


def test_logging_out_everywhere_ends_every_session(database: Database) -> None:
    log_in(database, "ada", "kc 1")
    with database.write() as session:
        cookies = [open_session(session, "ada", 1), open_session(session, "ada", 1, "d1")]
    change(database, end_logins, "ada")
    with database.read() as session:
        assert find_session(session, cookies[0]) is None
        assert find_session(session, cookies[1], "d1") is None
