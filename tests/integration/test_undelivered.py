"""Whom alerts do not reach, as the store tells it after real receivers refused them or were away."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from noteyard.api.undelivered import UndeliveredModel, undelivered_models
from noteyard.controller.notifications import deliver
from noteyard.domain import RunState
from noteyard.settings import Mail
from noteyard.store import Database
from noteyard.store.outbox import undelivered
from noteyard.store.tables import Schedule
from noteyard.store.types import now

from tests.support.alerts import add_schedule, change, end_a_run, leading, messages
from tests.support.ports import free_port
from tests.support.receivers import HttpReceiver, MailServer


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver().serving() as server:
        yield server


def shown(database: Database, *schedules: str) -> list[UndeliveredModel]:
    """What is shown of the schedule `c1`, asked for with others."""
    with database.read() as session:
        found = undelivered(session, ["c1", *schedules]).get("c1", [])
        return undelivered_models(found, session.get_one(Schedule, "c1").alerts)


async def test_a_webhook_that_is_gone_is_given_up_and_shown_without_its_secret(
    database: Database, tmp_path: Path, receiver: HttpReceiver
) -> None:
    add_schedule(database, webhooks=(f"http://ada:secret@127.0.0.1:{receiver.port}/secret?key=secret",))
    run = end_a_run(database, RunState.FAILED)
    assert shown(database) == [], "it was not tried yet"
    receiver.answers.append((404, ""))
    began = now()
    await deliver(leading(database, tmp_path))
    (item,) = shown(database, "c2")
    assert (item.channel, item.target) == ("webhook", f"127.0.0.1:{receiver.port}")
    assert (item.event, item.run, item.error) == ("run.failed", run, "The server answered 404.")
    assert (item.tries, item.next_try) == (1, None)
    assert began <= item.failed <= now()
    assert "secret" not in item.model_dump_json()


async def test_the_last_alert_counts_and_one_that_arrives_ends_it(
    database: Database, tmp_path: Path, receiver: HttpReceiver
) -> None:
    add_schedule(database, webhooks=(f"http://127.0.0.1:{receiver.port}/hook",))
    controller = leading(database, tmp_path)
    receiver.answers += [(404, ""), (410, "")]
    for _ in range(2):
        end_a_run(database, RunState.FAILED)
        await deliver(controller)
    assert [item.error for item in shown(database)] == ["The server answered 410."]
    end_a_run(database, RunState.FAILED)
    assert [item.error for item in shown(database)] == ["The server answered 410."], "the third was not tried yet"
    await deliver(controller)
    assert shown(database) == []
    assert len(receiver.hooks) == 3


async def test_a_server_that_is_away_is_told_for_all_who_wait_for_it(database: Database, tmp_path: Path) -> None:
    mail = MailServer()
    add_schedule(database, ("ada@example.org", "bob@example.org"))
    end_a_run(database, RunState.FAILED)
    controller = leading(database, tmp_path, mail.port)
    for _ in range(2):
        await deliver(controller)
        change(database, next_try=now() - timedelta(seconds=1))
    ada, bob = shown(database)
    assert (ada.target, ada.tries, bob.target, bob.tries) == ("ada@example.org", 2, "bob@example.org", 0)
    assert ada.error == bob.error
    assert ada.error.startswith(f"The mail server 127.0.0.1:{mail.port} can't be used:")
    assert ada.next_try is not None
    with mail.serving():
        await deliver(controller)
    assert shown(database) == []
    assert all(message.failed is None for message in messages(database))


async def test_of_a_password_that_can_not_be_read_the_place_is_not_told(database: Database, tmp_path: Path) -> None:
    add_schedule(database, ("ada@example.org",))
    end_a_run(database, RunState.FAILED)
    controller = leading(database, tmp_path)
    mail = Mail(host="127.0.0.1", port=free_port(), username="noteyard", password_file=tmp_path / "nowhere")
    controller.settings = controller.settings.model_copy(update={"mail": mail})
    await deliver(controller)
    (item,) = shown(database)
    assert item.error == "The mail server's password can't be read (mail.password_file): No such file or directory."


async def test_a_target_that_the_schedule_names_no_more_is_not_shown(
    database: Database, tmp_path: Path, receiver: HttpReceiver
) -> None:
    add_schedule(database, webhooks=(f"http://127.0.0.1:{receiver.port}/hook",))
    end_a_run(database, RunState.FAILED)
    receiver.answers.append((404, ""))
    await deliver(leading(database, tmp_path))
    assert len(shown(database)) == 1
    with database.write() as session:
        session.get_one(Schedule, "c1").alerts = {"mail": [], "webhooks": []}
    assert shown(database) == []
