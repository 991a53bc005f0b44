"""The loop of notifications: delivers the outbox, each message at least once.

A message is sent first and marked afterwards. A crash in between sends it again, with the same Message-ID or
Idempotency-Key, so that the receiver can tell.
"""

import asyncio
from collections.abc import Iterable

import structlog
from prometheus_client import Counter

from noteyard.controller.context import Context
from noteyard.controller.sending import NotSent, identity, send
from noteyard.store.lease import LostLease
from noteyard.store.outbox import due_messages, mark_delivered, mark_failed, postpone
from noteyard.store.tables import Message
from noteyard.store.types import now
from noteyard.webhook_target import host_of

log = structlog.get_logger(__name__)

SENT = Counter("noteyard_notifications_total", "Messages by channel and what became of a try.", ["channel", "result"])
SERVERS_AT_ONCE = 8
TURN_SECONDS = 20.0
"""A turn begins no more messages after this, so that new ones to other servers need not wait for a slow one."""


async def deliver(context: Context) -> None:
    """One turn: everything that is due, servers side by side, messages to one server one after another."""
    due = await asyncio.to_thread(_due, context)
    limit = asyncio.Semaphore(SERVERS_AT_ONCE)
    deadline = asyncio.get_running_loop().time() + TURN_SECONDS
    try:
        async with asyncio.TaskGroup() as group:
            for messages in _by_server(due):
                group.create_task(_deliver_to_one(context, messages, limit, deadline))
    except ExceptionGroup as failures:
        lost = failures.subgroup(LostLease)
        raise failures if lost is None else LostLease("lost while notifications were delivered") from failures


def _due(context: Context) -> list[Message]:
    with context.database.read() as session:
        return due_messages(session, now())


def _by_server(messages: Iterable[Message]) -> Iterable[list[Message]]:
    groups: dict[str, list[Message]] = {}
    for message in messages:
        server = "mail" if message.channel == "mail" else host_of(message.recipient)
        groups.setdefault(server, []).append(message)
    return groups.values()


async def _deliver_to_one(context: Context, messages: list[Message], limit: asyncio.Semaphore, deadline: float) -> None:
    async with limit:
        for index, message in enumerate(messages):
            if asyncio.get_running_loop().time() > deadline:
                return
            try:
                await _send(message, context)
            except NotSent as error:
                waiting = messages[index + 1 :] if error.server else []
                await asyncio.to_thread(_failed, context, message, error, waiting)
                if error.server:
                    return
            else:
                await asyncio.to_thread(_delivered, context, message)


async def _send(message: Message, context: Context) -> None:
    try:
        await send(message, context.settings, context.urls)
    except NotSent:
        raise
    except Exception as error:
        # A message that can't even be put together must not keep the others from being sent.
        log.exception("notification broken", message=identity(message), channel=message.channel)
        raise NotSent(f"It can't be sent: {type(error).__name__}.") from error


def _delivered(context: Context, message: Message) -> None:
    with context.write() as session:
        mark_delivered(session, message.id)
    SENT.labels(message.channel, "delivered").inc()
    log.info("notification delivered", message=identity(message), channel=message.channel)


def _failed(context: Context, message: Message, error: NotSent, waiting: list[Message]) -> None:
    with context.write() as session:
        mark_failed(session, message.id, str(error), for_good=error.for_good)
        postpone(session, [other.id for other in waiting], str(error))
    SENT.labels(message.channel, "refused" if error.for_good else "failed").inc()
    log.warning(
        "notification not delivered",
        message=identity(message),
        channel=message.channel,
        reason=str(error),
        given_up=error.for_good,
        tries=message.tries + 1,
        waiting=len(waiting),
    )
