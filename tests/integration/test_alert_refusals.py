"""Receivers that refuse, addresses that are refused, and what is encrypted on the way."""

import socket
import ssl
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from noteyard.controller import sending
from noteyard.controller.notifications import deliver
from noteyard.domain import RunState
from noteyard.settings import Mail
from noteyard.store import Database
from noteyard.store.outbox import NewMessage, enqueue, forget_messages
from noteyard.store.types import now

from tests.support.alerts import add_schedule, change, end_a_run, leading, messages, only
from tests.support.ports import free_port
from tests.support.receivers import HttpReceiver, MailServer
from tests.support.scripted import ScriptedRunner, context


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer().serving() as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver().serving() as server:
        yield server


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


async def test_a_webhook_that_is_written_oddly_does_not_stop_the_others(
    database: Database, tmp_path: Path, mail_server: MailServer, receiver: HttpReceiver
) -> None:
    add_schedule(database, ("ada@example.org",), (f"http://bot:a[b@127.0.0.1:{receiver.port}/x",))
    end_a_run(database, RunState.FAILED)
    await deliver(leading(database, tmp_path, mail_server.port))
    assert len(mail_server.mails) == 1
    assert [hook.path for hook in receiver.hooks] == ["/x"]


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
