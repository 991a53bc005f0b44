"""A schedule with alerts, runs of it that end, and what became of the messages."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from noteyard.controller.context import Context
from noteyard.domain import RunState
from noteyard.settings import Mail, Runs, Webhooks
from noteyard.store import Database
from noteyard.store.attempts import Ending, attempt_id, begin_attempt, claim, settle
from noteyard.store.tables import Message, Release, Schedule
from sqlalchemy import select

from tests.support.rows import add_person, add_run, add_some_release
from tests.support.scripted import ScriptedRunner, context

DUE = datetime(2026, 11, 3, 5, 0, tzinfo=UTC)


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
        release = session.get_one(Release, schedule.release)
        run = add_run(session, release, "ada", schedule="c1", due=DUE)
        token = begin_attempt(session, run, 1)
        run, attempt = claim(session, attempt_id(run.id, 1), token, token)
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
