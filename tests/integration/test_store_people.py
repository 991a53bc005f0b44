"""People in the database."""

from datetime import timedelta

import pytest
from noteyard.domain import RunState
from noteyard.errors import Conflict, InvalidParameters, NotFound
from noteyard.names import new_id
from noteyard.store import Database
from noteyard.store.attempts import begin_attempt
from noteyard.store.people import (
    create_person,
    disable_person,
    enable_person,
    get_account,
    get_active,
    list_groups,
    list_people,
    remove_person,
    set_admin,
    set_groups,
    set_password,
)
from noteyard.store.s3_keys import find_key, key_for_person, key_for_run
from noteyard.store.sessions import find_session, issue_ticket, open_session, redeem_ticket
from noteyard.store.tables import AuditEntry, Run, Schedule
from noteyard.store.types import now
from noteyard.store.usage import usage_since
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from tests.support.rows import add_run, add_some_release

PASSWORD = "correct horse battery"


def with_people(database: Database) -> None:
    with database.write() as session:
        create_person(session, "root", PASSWORD, admin=True)
        create_person(session, "alice", PASSWORD, by="root")
        set_groups(session, "alice", ["ml", "ops"], by="root")


def add_schedule(session: Session, release: str) -> str:
    rule = {"cron": "@daily", "timezone": "UTC", "catch_up": "last", "catch_up_window": 60, "overlap": "skip"}
    row = Schedule(
        id=new_id("s"), name="x", owner="alice", release=release, parameters={}, retries=0, alerts={}, **rule
    )
    session.add(row)
    session.flush()
    return row.id


def test_a_person_is_created_with_a_first_password_and_noted(database: Database) -> None:
    with_people(database)
    with database.read() as session:
        account = get_account(session, "alice")
        assert account.must_change_password
        assert not account.admin
        assert get_active(session, "alice").groups == {"ml", "ops"}
        noted = session.execute(select(AuditEntry.who, AuditEntry.action, AuditEntry.thing).order_by(AuditEntry.id))
        assert noted.all() == [
            ("command line", "person.create", "root"),
            ("root", "person.create", "alice"),
            ("root", "person.groups", "alice"),
        ]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Alice", "name: 'Alice' can't be a person's name: it must start with a lower case letter or digit"),
        ("a b", "only lower case letters, digits, dots, hyphens and underscores, 40 at most"),
        ("x" * 41, "40 at most"),
        ("apps", "name: 'apps' is reserved for Noteyard itself; choose another name"),
    ],
)
def test_names_that_can_not_be_are_refused_in_words(database: Database, name: str, said: str) -> None:
    with database.write() as session, pytest.raises(InvalidParameters) as refused:
        create_person(session, name, PASSWORD)
    assert said in str(refused.value)


def test_a_name_is_given_once_for_all_time(database: Database) -> None:
    with_people(database)
    with database.write() as session:
        with pytest.raises(Conflict, match="There is already a person named 'alice'"):
            create_person(session, "alice", PASSWORD)
        remove_person(session, "alice")
    with database.write() as session:
        with pytest.raises(Conflict, match="'alice' belonged to somebody who was removed"):
            create_person(session, "alice", PASSWORD)
        with pytest.raises(NotFound, match="There is no person named 'alice'"):
            set_password(session, "alice", PASSWORD)


def test_groups_are_set_whole_and_their_names_checked(database: Database) -> None:
    with_people(database)
    with database.write() as session:
        set_groups(session, "alice", ["ops", "art"])
        with pytest.raises(InvalidParameters, match="groups: 'Big Ones' can't be a group's name"):
            set_groups(session, "alice", ["Big Ones"])
    with database.read() as session:
        assert list_groups(session) == ["art", "ops"]
        assert [(account.name, groups) for account, groups in list_people(session)] == [
            ("alice", ["art", "ops"]),
            ("root", []),
        ]


def test_somebody_disabled_loses_everything_at_once(database: Database) -> None:
    with_people(database)
    with database.write() as session:
        release = add_some_release(session, "alice")
        schedule = add_schedule(session, release.id)
        run, ended, running = (add_run(session, release, "alice") for _ in range(3))
        begin_attempt(session, running, 1)
        ended.state = RunState.SUCCEEDED
        keys = [key_for_person(session, "alice").access_key, key_for_run(session, run).access_key]
        portal = open_session(session, "alice", 1)
        session.flush()
        ticket = issue_ticket(session, find_session(session, portal)[0], "d1", "")  # type: ignore[index]
        runs = run.id, ended.id, running.id
    with database.write() as session:
        disable_person(session, "alice", by="root")
    with database.write() as session:
        account = get_account(session, "alice")
        assert account.disabled
        assert not account.hub_cleared, "the controller is to make the hub forget them"
        assert find_session(session, portal) is None
        assert redeem_ticket(session, ticket, "d1", 1) is None
        assert [find_key(session, key) for key in keys] == [None, None]
        paused = session.get_one(Schedule, schedule)
        assert (paused.paused, paused.paused_reason) == (True, "alice is disabled")
        assert [session.get_one(Run, id).target for id in runs] == ["cancel", "run", "cancel"]
        assert [session.get_one(Run, id).state for id in runs] == ["cancelled", "succeeded", "starting"]
        with pytest.raises(Conflict, match="'alice' is disabled"):
            get_active(session, "alice")


def test_somebody_enabled_again_keeps_schedules_paused(database: Database) -> None:
    with_people(database)
    with database.write() as session:
        schedule = add_schedule(session, add_some_release(session, "alice").id)
        disable_person(session, "alice")
        enable_person(session, "alice")
    with database.read() as session:
        assert get_active(session, "alice").name == "alice"
        assert session.get_one(Schedule, schedule).paused


def test_the_last_administrator_stays(database: Database) -> None:
    with_people(database)
    with database.write() as session:
        for change in (disable_person, remove_person):
            with pytest.raises(Conflict, match="'root' is the only administrator"):
                change(session, "root")
        with pytest.raises(Conflict, match="Make somebody else an administrator first"):
            set_admin(session, "root", False)
        set_admin(session, "alice", True)
        remove_person(session, "root")
    with database.read() as session:
        assert [account.name for account, _ in list_people(session)] == ["alice"]
        assert [account.name for account, _ in list_people(session, removed=True)] == ["alice", "root"]


def test_a_new_password_ends_sessions(database: Database) -> None:
    with_people(database)
    with database.write() as session:
        portal = open_session(session, "alice", 1)
    with database.write() as session:
        set_password(session, "alice", "another long password")
    with database.read() as session:
        assert find_session(session, portal) is None
        assert not get_account(session, "alice").must_change_password


def test_usage_is_summed_by_person(database: Database) -> None:
    with_people(database)
    moment = now()
    lasting = [
        ("alice", RunState.SUCCEEDED, 90.25, 30.0),
        ("alice", RunState.LOST, 20.5, 10.0),
        ("alice", RunState.QUEUED, None, None),
        ("root", RunState.RUNNING, 1000.0, None),
        ("root", RunState.FAILED, 100 * 86400.0, 99 * 86400.0),
    ]
    with database.write() as session:
        release = add_some_release(session, "alice")
        for owner, state, started, ended in lasting:
            run = add_run(session, release, owner)
            run.state = state
            run.started = moment - timedelta(seconds=started) if started else None
            run.ended = moment - timedelta(seconds=ended) if ended else None
            run.created = run.started or moment
    with database.read() as session:
        root, alice = usage_since(session, moment - timedelta(days=30))
        assert usage_since(session, moment - timedelta(days=30), "alice") == [alice]
    assert (root.person, root.runs, root.failed) == ("root", 1, 0)
    assert root.seconds == pytest.approx(1000, abs=5)
    assert (alice.person, alice.runs, alice.failed) == ("alice", 3, 1)
    assert alice.seconds == pytest.approx(60.25 + 10.5, abs=0.01)


def test_people_and_their_groups_are_two_questions_however_many_there_are(database: Database) -> None:
    with_people(database)
    asked: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    with database.read() as session:
        assert [groups for _, groups in list_people(session)] == [["ml", "ops"], []]
    assert len([statement for statement in asked if statement.startswith("SELECT")]) == 2
