"""The loop of retention: deletes what the settings keep no longer. Rows of runs stay, and so does the audit.

Objects go first and rows are changed afterwards: a crash in between leaves an output listed that is gone, for one turn,
and never an object that nobody knows.
"""

import asyncio
from datetime import timedelta

import structlog

from noteyard.controller.context import Context
from noteyard.objects import BLOB_GRACE, BLOBS, DASHBOARDS, dashboard_prefix, run_prefix
from noteyard.store.expiry import (
    deleted_dashboards,
    forget_fires,
    forget_logins,
    forget_processes,
    mark_expired,
    referenced_blobs,
    runs_to_expire,
)
from noteyard.store.outbox import forget_messages
from noteyard.store.types import now

log = structlog.get_logger(__name__)

BATCH = 50
MESSAGE_AGE = timedelta(days=30)
PROCESS_AGE = timedelta(days=30)
DASHBOARD_GRACE = timedelta(days=1)
"""A process of a deleted dashboard may still be on its way to store a rendering."""


async def expire(context: Context) -> None:
    """One turn; what a crash leaves undone, the next one does."""
    await _expire_outputs(context)
    await asyncio.to_thread(_forget, context)
    await _delete_dashboards_objects(context)
    await _sweep_blobs(context)


async def _expire_outputs(context: Context) -> None:
    while runs := await asyncio.to_thread(_runs_to_expire, context):
        for run in runs:
            await context.objects.delete_prefix_async(run_prefix(run))
        await asyncio.to_thread(_mark_expired, context, runs)
        log.info("outputs expired", runs=len(runs))


def _runs_to_expire(context: Context) -> list[str]:
    limits = context.settings.runs
    with context.database.read() as session:
        return runs_to_expire(session, now() - timedelta(days=limits.keep_days), limits.keep_count, BATCH)


def _mark_expired(context: Context, runs: list[str]) -> None:
    with context.write() as session:
        mark_expired(session, runs)


def _forget(context: Context) -> None:
    moment = now()
    with context.write() as session:
        forgotten = {
            "fires": forget_fires(session, moment - timedelta(days=context.settings.schedules.history_days)),
            "logins": forget_logins(session, moment),
            "processes": forget_processes(session, moment - PROCESS_AGE),
            "messages": forget_messages(session, moment - MESSAGE_AGE),
        }
    if any(forgotten.values()):
        log.info("forgotten", **forgotten)


async def _delete_dashboards_objects(context: Context) -> None:
    stored = {object.key.split("/")[1] async for object in context.objects.list_async(DASHBOARDS)}
    if not stored:
        return
    with context.database.read() as session:
        deleted = deleted_dashboards(session, now() - DASHBOARD_GRACE)
    for dashboard in sorted(stored & deleted):
        await context.objects.delete_prefix_async(dashboard_prefix(dashboard))
        log.info("renderings deleted", dashboard=dashboard)


async def _sweep_blobs(context: Context) -> None:
    """Delete files that are in no release: uploads that were refused or broken off."""
    before = now() - BLOB_GRACE
    old = [object.key async for object in context.objects.list_async(BLOBS) if object.modified < before]
    if not old:
        return
    referenced = await asyncio.to_thread(_referenced, context)
    swept = 0
    for key in old:
        if key.rpartition("/")[2] in referenced:
            continue
        # Looked at again: an upload of the same content may just have made it young.
        stored = await context.objects.head_async(key)
        if stored is not None and stored.modified < before:
            await context.objects.delete_async(key)
            swept += 1
    if swept:
        log.info("blobs swept", count=swept)


def _referenced(context: Context) -> set[str]:
    with context.database.read() as session:
        return referenced_blobs(session)
