"""Alerts from a run's end to real receivers, through crashes and servers that are away."""

import re
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme
from noteyard.controller import notifications, sending
from noteyard.controller.context import Context
from noteyard.controller.notifications import deliver
from noteyard.domain import RunState
from noteyard.settings import Mail, Runs, Webhooks
from noteyard.store import Database
from noteyard.store.alerts import alert_missed
from noteyard.store.attempts import Ending, begin_attempt, claim, settle
from noteyard.store.lease import LostLease
from noteyard.store.outbox import NewMessage, due_messages, enqueue, forget_messages
from noteyard.store.tables import Attempt, Lease, Message, Run, Schedule
from noteyard.store.types import now
from sqlalchemy import select

from tests.support.ports import free_port
from tests.support.receivers import HttpReceiver, MailServer
from tests.support.rows import add_person, add_run, add_some_release
from tests.support.scripted import Crash, ScriptedRunner, context

DUE = datetime(2026, 11, 3, 5, 0, tzinfo=UTC)


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer().serving() as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver().serving() as server:
        yield server


def leading(database: Database, folder: Path, mail_port: int = 9, allow: tuple[str, ...] = ("127.0.0.1",)) -> Context:
    return context(
        database,
        folder,
        ScriptedRunner(),
        mail=Mail(host="127.0.0.1", port=mail_port),
        webhooks=Webhooks(allow_private=list(allow)),
    )


def add_schedule(database: Database, mail: tuple[str, ...] = (), webhooks: tuple[str, ...] = ()) -> str:
    with database.write() as session:
        add_person(session, "ada")
        made = add_some_release(session, "ada")
        schedule = Schedule(
            id="c1",
            name="Nightly weather",
            owner="ada",
            release=made.id,
            cron="0 6 * * *",
            timezone="Europe/Berlin",
            parameters={},
            catch_up="last",
            catch_up_window=3600,
            overlap="skip",
            retries=0,
            alerts={"mail": list(mail), "webhooks": list(webhooks)},
        )
        session.add(schedule)
        return schedule.id


def end_a_run(database: Database, state: RunState) -> str:
    """A run of the schedule that is executed and ends so; the end is reported twice, as by a repeated request."""
    error = {"cell": 2, "name": "ValueError", "message": "no data", "traceback": "", "hint": None}
    with database.write() as session:
        schedule = session.get_one(Schedule, "c1")
        release = session.get_one(type(add_some_release(session, "ada")), schedule.release)
        run = add_run(session, release, "ada", schedule="c1", due=DUE)
        begin_attempt(session, run, 1)
        session.flush()
        attempt = session.get_one(Attempt, (run.id, 1))
        claim(run, attempt)
        for _ in range(2):
            settle(session, run, attempt, Ending(state, None if state is RunState.SUCCEEDED else error), Runs())
        return run.id


def messages(database: Database) -> list[Message]:
    with database.read() as session:
        return list(session.scalars(select(Message).order_by(Message.id)))


def only(database: Database) -> Message:
    (message,) = messages(database)
    return message


def change(database: Database, **fields: Any) -> None:
    with database.write() as session:
        for message in session.scalars(select(Message)):
            for name, value in fields.items():
                setattr(message, name, value)


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
        began = now()
        await deliver(leading(database, tmp_path))
        assert now() - began < timedelta(seconds=3)
    assert len(receiver.hooks) == 1
    hung = [message for message in messages(database) if not message.delivered]
    assert [message.tries for message in hung] == [1] + [0] * 19
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


@pytest.mark.parametrize(
    ("answer", "given_up", "error"),
    [
        (302, True, "The server answered with a redirect (302), which is not followed: name the final address."),
        (308, True, "The server answered with a redirect (308), which is not followed: name the final address."),
        (404, True, "The server answered 404."),
        (429, False, "The server answered 429."),
        (500, False, "The server answered 500."),
    ],
)
async def test_answers_that_are_no_success(
    database: Database, tmp_path: Path, receiver: HttpReceiver, answer: int, given_up: bool, error: str
) -> None:
    receiver.answers.append((answer, f"http://127.0.0.1:{receiver.port}/elsewhere"))
    add_schedule(database, webhooks=(f"http://127.0.0.1:{receiver.port}/hook",))
    end_a_run(database, RunState.FAILED)
    await deliver(leading(database, tmp_path))
    assert [hook.path for hook in receiver.hooks] == ["/hook"]
    message = only(database)
    assert message.error == error
    assert (message.next_try is None) is given_up
    assert message.delivered is None


async def test_a_private_address_is_not_even_connected_to(
    database: Database, tmp_path: Path, receiver: HttpReceiver
) -> None:
    add_schedule(database, webhooks=(f"http://127.0.0.1:{receiver.port}/",))
    end_a_run(database, RunState.FAILED)
    await deliver(leading(database, tmp_path, allow=()))
    assert receiver.hooks == []
    message = only(database)
    assert message.next_try is None
    assert message.error == (
        "127.0.0.1 is at 127.0.0.1, a private or reserved address. "
        "Use a public address, or ask an administrator to add it to webhooks.allow_private."
    )


@pytest.mark.parametrize(("answer", "given_up"), [("550 no such user", True), ("450 later", False)])
async def test_a_refused_address_does_not_keep_others_from_their_mail(
    database: Database, tmp_path: Path, mail_server: MailServer, answer: str, given_up: bool
) -> None:
    mail_server.refuse["gone@example.org"] = answer
    add_schedule(database, ("gone@example.org", "ada@example.org"))
    end_a_run(database, RunState.FAILED)
    await deliver(leading(database, tmp_path, mail_server.port))
    assert [to for to, _ in mail_server.mails] == [["ada@example.org"]]
    gone, _ = messages(database)
    assert gone.error == f"The mail server refused the address: {answer[4:]}"
    assert (gone.next_try is None) is given_up


async def test_a_message_that_can_not_be_made_does_not_stop_the_others(
    database: Database, tmp_path: Path, mail_server: MailServer
) -> None:
    with database.write() as session:
        enqueue(session, NewMessage("broken", "mail", "ada@example.org", {"kind": "no such thing"}))
    add_schedule(database, ("ada@example.org",))
    end_a_run(database, RunState.FAILED)
    await deliver(leading(database, tmp_path, mail_server.port))
    assert len(mail_server.mails) == 1
    assert messages(database)[0].error == "It can't be sent: ValidationError."


async def test_without_a_mail_server_the_reason_is_recorded(database: Database, tmp_path: Path) -> None:
    add_schedule(database, ("ada@example.org",))
    end_a_run(database, RunState.FAILED)
    await deliver(context(database, tmp_path, ScriptedRunner()))
    assert only(database).error == "No mail server is set (mail.host in noteyard.yaml)."
    assert only(database).next_try is None


async def test_an_alert_is_given_up_after_three_days(database: Database, tmp_path: Path) -> None:
    add_schedule(database, ("ada@example.org",))
    end_a_run(database, RunState.FAILED)
    change(database, created=now() - timedelta(days=3, minutes=1), tries=200)
    await deliver(leading(database, tmp_path, free_port()))
    assert only(database).next_try is None
    with database.write() as session:
        assert forget_messages(session, now()) == 1


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


@pytest.mark.parametrize(("certified", "arrives"), [("hooks.test", True), ("other.test", False)])
async def test_tls_is_checked_against_the_name_though_the_address_is_pinned(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, certified: str, arrives: bool
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    sending._trusted.cache_clear()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(certified).configure_cert(server)
    with HttpReceiver().serving(server) as receiver:
        answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", receiver.port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)
        add_schedule(database, webhooks=(f"https://hooks.test:{receiver.port}/hook",))
        end_a_run(database, RunState.FAILED)
        await deliver(leading(database, tmp_path, allow=("hooks.test",)))
    sending._trusted.cache_clear()
    assert [hook.headers["Host"] for hook in receiver.hooks] == [f"hooks.test:{receiver.port}"] * arrives
    assert (only(database).delivered is not None) is arrives


def test_runs_without_a_schedule_tell_nobody(database: Database) -> None:
    with database.write() as session:
        add_person(session, "ada")
        run = add_run(session, add_some_release(session, "ada"), "ada")
        begin_attempt(session, run, 1)
        session.flush()
        settle(session, run, session.get_one(Attempt, (run.id, 1)), Ending(RunState.FAILED), Runs())
        assert session.get_one(Run, run.id).state is RunState.FAILED
    assert messages(database) == []


async def test_mail_goes_out_encrypted_and_with_a_login_where_the_settings_say_so(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    (tmp_path / "password").write_text("correct horse\n")
    add_schedule(database, ("ada@example.org",))
    end_a_run(database, RunState.FAILED)
    with MailServer(login=("noteyard", "correct horse")).serving(tls) as server:
        options = {"host": "localhost", "port": server.port, "tls": "starttls", "username": "noteyard"}
        controller = leading(database, tmp_path)
        for password, arrived in ((tmp_path / "nowhere", 0), (tmp_path / "password", 1)):
            mail = Mail.model_validate({**options, "password_file": password})
            controller.settings = controller.settings.model_copy(update={"mail": mail})
            await deliver(controller)
            assert len(server.mails) == arrived
            change(database, next_try=now())
    assert only(database).tries == 2
