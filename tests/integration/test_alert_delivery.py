"""Alerts from a run's end to real receivers, through crashes and servers that are away."""

import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from noteyard.controller import notifications, sending
from noteyard.controller.notifications import deliver
from noteyard.domain import RunState
from noteyard.settings import Runs
from noteyard.store import Database
from noteyard.store.alerts import alert_missed
from noteyard.store.attempts import Ending, begin_attempt, settle
from noteyard.store.lease import LostLease
from noteyard.store.outbox import NewMessage, due_messages, enqueue
from noteyard.store.tables import Attempt, Lease, Run, Schedule
from noteyard.store.types import now

from tests.support.alerts import DUE, add_schedule, change, end_a_run, leading, messages, only
from tests.support.receivers import HttpReceiver, MailServer
from tests.support.rows import add_person, add_run, add_some_release
from tests.support.scripted import Crash


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer().serving() as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver().serving() as server:
        yield server


async def test_a_failure_reaches_mail_and_webhook_once(
    database: Database, tmp_path: Path, mail_server: MailServer, receiver: HttpReceiver
) -> None:
    add_schedule(database, ("ada@example.org", "team@example.org"), (f"http://127.0.0.1:{receiver.port}/hook?key=1",))
    run = end_a_run(database, RunState.FAILED)
    controller = leading(database, tmp_path, mail_server.port)
    for _ in range(3):
        await deliver(controller)
    assert [to for to, _ in mail_server.mails] == [["ada@example.org"], ["team@example.org"]]
    mail = mail_server.mails[0][1]
    assert mail["Subject"] == "Failed: Nightly weather"
    assert mail["From"] == "noteyard@localhost"
    assert f"http://localhost:8000/portal/runs/{run}" in mail.get_content()
    (hook,) = receiver.hooks
    assert hook.path == "/hook?key=1"
    assert hook.headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert hook.body["event"] == "run.failed"
    assert hook.body["run"]["error"] == "ValueError: no data"
    assert all(message.delivered and message.next_try is None for message in messages(database))


async def test_a_schedule_that_works_again_says_so_once(
    database: Database, tmp_path: Path, mail_server: MailServer
) -> None:
    add_schedule(database, ("ada@example.org",))
    for state in (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.SUCCEEDED, RunState.SUCCEEDED):
        end_a_run(database, state)
    await deliver(leading(database, tmp_path, mail_server.port))
    assert [mail["Subject"] for _, mail in mail_server.mails] == [
        "Failed: Nightly weather",
        "Works again: Nightly weather",
    ]


async def test_missed_fires_are_told_in_one_message(database: Database, tmp_path: Path, receiver: HttpReceiver) -> None:
    add_schedule(database, webhooks=(f"http://127.0.0.1:{receiver.port}/",))
    dues = [DUE + timedelta(days=number) for number in range(7)]
    for _ in range(2):
        with database.write() as session:
            alert_missed(session, session.get_one(Schedule, "c1"), dues, "Noteyard was not running.")
    await deliver(leading(database, tmp_path))
    (hook,) = receiver.hooks
    assert hook.body["missed"]["count"] == 7
    assert hook.body["missed"]["last_due"] == "2026-11-09T05:00:00+00:00"


async def test_an_event_that_is_rolled_back_tells_nobody(database: Database) -> None:
    add_schedule(database, ("ada@example.org",))
    with pytest.raises(Crash), database.write() as session:
        alert_missed(session, session.get_one(Schedule, "c1"), [DUE], "x")
        raise Crash
    assert messages(database) == []


async def test_servers_that_are_away_get_their_messages_when_they_are_back(database: Database, tmp_path: Path) -> None:
    mail_server, receiver = MailServer(), HttpReceiver()
    add_schedule(database, ("ada@example.org", "bob@example.org"), (f"http://127.0.0.1:{receiver.port}/",))
    end_a_run(database, RunState.FAILED)
    controller = leading(database, tmp_path, mail_server.port)
    await deliver(controller)
    ada, bob, hook = messages(database)
    assert f"The mail server 127.0.0.1:{mail_server.port} can't be used" in (ada.error or "")
    assert hook.error == "The server can't be reached: ConnectError"
    assert (ada.tries, bob.tries, hook.tries) == (1, 0, 1)
    assert all(message.next_try is not None and message.next_try > now() for message in (ada, bob, hook))
    with mail_server.serving(), receiver.serving():
        await deliver(controller)
        assert (mail_server.mails, receiver.hooks) == ([], [])
        change(database, next_try=now())
        await deliver(controller)
    assert [to for to, _ in mail_server.mails] == [["ada@example.org"], ["bob@example.org"]]
    assert len(receiver.hooks) == 1
    assert all(message.delivered and message.error is None for message in messages(database))


async def test_a_server_that_hangs_does_not_hold_up_the_others(
    database: Database, tmp_path: Path, receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TIMEOUT_SECONDS", 0.4)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        urls = (*(f"http://127.0.0.1:{port}/{n}" for n in range(20)), f"http://127.0.0.1:{receiver.port}/")
        add_schedule(database, webhooks=urls)
        end_a_run(database, RunState.FAILED)
        await deliver(leading(database, tmp_path))
    assert len(receiver.hooks) == 1
    hung = [message for message in messages(database) if not message.delivered]
    assert [message.tries for message in hung] == [1] + [0] * 19, "it is waited for once, not for each"
    assert hung[0].error == "No answer within 0 s."


@pytest.mark.parametrize("channel", ["mail", "webhook"])
@pytest.mark.parametrize("moment", ["crash", "lost lease"])
async def test_a_crash_between_sending_and_marking_sends_again_under_the_same_name(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, channel: str
) -> None:
    with MailServer().serving() as mail_server, HttpReceiver().serving() as receiver:
        urls = (f"http://127.0.0.1:{receiver.port}/",)
        add_schedule(database, *((("ada@example.org",), ()) if channel == "mail" else ((), urls)))
        end_a_run(database, RunState.FAILED)
        controller = leading(database, tmp_path, mail_server.port)
        with monkeypatch.context() as patched:
            if moment == "crash":
                patched.setattr(notifications, "mark_delivered", _die)
            else:
                change_epoch(database, controller.epoch + 1)
            with pytest.raises((ExceptionGroup, LostLease)):
                await deliver(controller)
        assert only(database).delivered is None
        change_epoch(database, controller.epoch)
        await deliver(controller)
    assert only(database).delivered is not None
    mails = [mail.as_string() for _, mail in mail_server.mails]
    keys = [hook.headers["Idempotency-Key"] for hook in receiver.hooks]
    sent = mails if channel == "mail" else keys
    assert len(sent) == 2
    assert sent[0] == sent[1]
    if channel == "mail":
        assert re.fullmatch(r"<[0-9a-f]{32}@localhost>", mail_server.mails[0][1]["Message-ID"])


def change_epoch(database: Database, epoch: int) -> None:
    with database.write() as session:
        session.get_one(Lease, "controller").epoch = epoch


def _die(*_: object) -> None:
    raise RuntimeError("the process dies here")


def test_delays_grow_and_end_at_five_minutes(database: Database) -> None:
    from noteyard.store.outbox import mark_failed

    with database.write() as session:
        enqueue(session, NewMessage("x", "mail", "ada@example.org", {}))
        (message,) = due_messages(session, now())
        delays = []
        for _ in range(12):
            mark_failed(session, message.id, "away")
            assert message.next_try is not None
            delays.append(round((message.next_try - now()).total_seconds()))
    assert delays == [5, 10, 20, 40, 80, 160, 300, 300, 300, 300, 300, 300]


def test_runs_without_a_schedule_tell_nobody(database: Database) -> None:
    with database.write() as session:
        add_person(session, "ada")
        run = add_run(session, add_some_release(session, "ada"), "ada")
        begin_attempt(session, run, 1)
        session.flush()
        settle(session, run, session.get_one(Attempt, (run.id, 1)), Ending(RunState.FAILED), Runs())
        assert session.get_one(Run, run.id).state is RunState.FAILED
    assert messages(database) == []
