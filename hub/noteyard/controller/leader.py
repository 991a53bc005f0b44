"""Leadership: one active controller by a lease in the database; the others wait to take over."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable

import structlog
from sqlalchemy.exc import OperationalError

from noteyard.controller.context import LEASE
from noteyard.controller.health import Pulse
from noteyard.store import Database
from noteyard.store.lease import LostLease, acquire, release
from noteyard.tokens import new_token

log = structlog.get_logger(__name__)

LEASE_SECONDS = 10.0
RENEW_SECONDS = 2.5


async def lead(database: Database, work: Callable[[int], Awaitable[None]], stop: asyncio.Event, pulse: Pulse) -> None:
    """Run `work(epoch)` while this process holds the lease; wait and try again when it is lost. Ends on `stop`.

    `pulse` beats with every try for the lease that has ended, failed ones too.
    """
    holder = f"{socket.gethostname()[:20]}.{os.getpid()}.{new_token()[:8]}"
    while not stop.is_set():
        epoch = await _ask(database, holder)
        pulse.beat()
        if epoch is None:
            await _pause(stop, RENEW_SECONDS / 2)
            continue
        log.info("leading", epoch=epoch)
        await _lead_once(work(epoch), _renew(database, holder, epoch, pulse), stop)
    try:
        await asyncio.to_thread(_release, database, holder)
    except OperationalError as error:
        log.warning("the lease ends by itself: the database does not answer", error=str(error.orig))


async def _ask(database: Database, holder: str) -> int | None:
    """The epoch when this process leads; None while another does, or the database does not answer."""
    try:
        return await asyncio.to_thread(_acquire, database, holder)
    except OperationalError as error:
        log.warning("the database does not answer", error=str(error.orig))
        return None


async def _lead_once(work: Awaitable[None], renewals: Awaitable[None], stop: asyncio.Event) -> None:
    working = asyncio.ensure_future(work)
    renewing = asyncio.ensure_future(renewals)
    stopping = asyncio.ensure_future(stop.wait())
    try:
        done, _ = await asyncio.wait({working, renewing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            task.result()
    except* LostLease as lost:
        log.warning("leadership lost", reason=str(lost.exceptions[0]))
    except* OperationalError as away:
        log.warning("leadership lost: the database does not answer", error=str(away.exceptions[0]))
    finally:
        for task in (working, renewing, stopping):
            task.cancel()
        await asyncio.gather(working, renewing, stopping, return_exceptions=True)


async def _renew(database: Database, holder: str, epoch: int, pulse: Pulse) -> None:
    while True:
        await asyncio.sleep(RENEW_SECONDS)
        if await asyncio.to_thread(_acquire, database, holder) != epoch:
            raise LostLease("the lease was taken by another controller")
        pulse.beat()


def _acquire(database: Database, holder: str) -> int | None:
    with database.write() as session:
        return acquire(session, LEASE, holder, LEASE_SECONDS)


def _release(database: Database, holder: str) -> None:
    with database.write() as session:
        release(session, LEASE, holder)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
