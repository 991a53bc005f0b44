"""Looks after the sessions about once a second: ends those that are over, keeps limits, keeps kernels warm."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import NoReturn

from noteyard_lab.dashboard.claim import Claim
from noteyard_lab.dashboard.kernels import KernelStarter
from noteyard_lab.dashboard.processes import end_strays, end_those_over
from noteyard_lab.dashboard.session import Session
from noteyard_lab.dashboard.sessions import Sessions

logger = logging.getLogger(__name__)

TICK = 1.0
LEASE_OVER = 4403
"""Websocket close code for a page whose viewer has not been let through for a while."""


async def look_after_sessions(sessions: Sessions, claim: Claim) -> NoReturn:
    """Keep the sessions within the claim's limits and the waiting kernels at their numbers, until cancelled."""
    while True:
        now = time.monotonic()
        for session in sessions.all():
            why = await _why_over(session, claim, now)
            if why is not None:
                await sessions.end(session, why)
            elif now > session.lease_until:
                for socket in list(session.sockets):
                    socket.close(LEASE_OVER, "not renewed")
        await sessions.keep_warm()
        await asyncio.sleep(TICK)


async def look_after_processes(starter: KernelStarter, memory_limit: int | None) -> NoReturn:
    """End kernels that use more memory than the limit, and what ended kernels left running."""
    while True:
        if memory_limit is not None:
            for pid in end_those_over(memory_limit, starter.pids()):
                allowed = memory_limit // 1024**2
                logger.warning("ended the kernel of a session (process %d): it used more than %d MiB", pid, allowed)
        end_strays(starter.living, starter.pids())
        await asyncio.sleep(TICK)


async def _why_over(session: Session, claim: Claim, now: float) -> str | None:
    """Why a session must end, for the log; None while it may go on."""
    if not await session.kernel.is_alive():
        return "its kernel died"
    if session.alone_for(now) > claim.disconnected_seconds:
        return "its viewer has gone"
    if now - session.last_activity > claim.session_idle_seconds and not session.busy:
        return "its viewer has done nothing for long"
    return None
