"""The outbox: messages written in the transaction of what they tell about, and delivered at least once afterwards."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from noteyard.store.tables import Message
from noteyard.store.types import now

FIRST_DELAY = timedelta(seconds=5)
LONGEST_DELAY = timedelta(minutes=5)
GIVE_UP_AFTER = timedelta(days=3)
"""An alert that could not be delivered for this long is of no use to anybody any more."""


@dataclass(frozen=True)
class NewMessage:
    """A message to send. `dedupe` names the event and recipient: a second message with it is dropped."""

    dedupe: str
    channel: str  # mail or webhook
    recipient: str
    payload: dict[str, Any]
    schedule: str | None = None


def enqueue(session: Session, message: NewMessage) -> None:
    """Put a message into the outbox, once."""
    dialect = session.get_bind().dialect.name
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    moment = now()
    values = {
        "dedupe": message.dedupe,
        "channel": message.channel,
        "recipient": message.recipient,
        "schedule": message.schedule,
        "payload": message.payload,
        "created": moment,
        "next_try": moment,
        "tries": 0,
    }
    session.execute(insert(Message).values(values).on_conflict_do_nothing(index_elements=["dedupe"]))


def due_messages(session: Session, moment: datetime, limit: int = 200) -> list[Message]:
    """Messages to send now, oldest first."""
    query = (
        select(Message)
        .where(Message.delivered.is_(None), Message.next_try <= moment)
        .order_by(Message.next_try, Message.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def mark_delivered(session: Session, id: int) -> None:
    message = session.get_one(Message, id)
    message.tries += 1
    message.delivered = now()
    message.next_try = None
    message.failed = message.error = None


def mark_failed(session: Session, id: int, error: str, *, for_good: bool = False) -> None:
    """Record a try that failed; the next one comes after a delay that doubles, or never (`for_good`, or too old)."""
    message = session.get_one(Message, id)
    moment = now()
    message.tries += 1
    message.failed, message.error = moment, error
    delay = min(FIRST_DELAY * 2 ** min(message.tries - 1, 20), LONGEST_DELAY)
    over = for_good or moment - message.created > GIVE_UP_AFTER
    message.next_try = None if over else moment + delay


def postpone(session: Session, ids: list[int], error: str, delay: timedelta = FIRST_DELAY) -> None:
    """Put messages off that were not tried because their server has just failed; does not count as a try."""
    for id in ids:
        message = session.get_one(Message, id)
        message.failed, message.error = now(), error
        message.next_try = now() + delay


def undelivered(session: Session, schedules: Collection[str]) -> dict[str, list[Message]]:
    """By schedule: of each recipient whom nothing reaches now, the message that failed last."""
    failing = select(Message.schedule).where(
        Message.schedule.in_(schedules), Message.delivered.is_(None), Message.failed.is_not(None)
    )
    found: dict[str, list[Message]] = {id: [] for id in session.scalars(failing.distinct()) if id is not None}
    if not found:  # as good as always
        return found
    happened = func.coalesce(Message.delivered, Message.failed)
    place = func.row_number().over(
        partition_by=(Message.schedule, Message.channel, Message.recipient),
        order_by=(happened.desc(), Message.id.desc()),
    )
    last = select(Message.id, place.label("place")).where(Message.schedule.in_(found), happened.is_not(None)).subquery()
    query = select(Message).join(last, last.c.id == Message.id).where(last.c.place == 1, Message.delivered.is_(None))
    for message in session.scalars(query.order_by(Message.id)):
        found[message.schedule or ""].append(message)
    return found


def forget_messages(session: Session, before: datetime) -> int:
    """Delete messages that were delivered or given up before an instant; returns how many."""
    over = or_(Message.delivered.is_not(None), Message.next_try.is_(None))
    result = session.execute(delete(Message).where(over, Message.created < before))
    return int(result.rowcount)  # type: ignore[attr-defined]
