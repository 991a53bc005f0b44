"""All live sessions of a dashboard: who may have one, whose it is, and when it ends."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Mapping
from typing import Any

from noteyard_lab.dashboard.claim import Claim
from noteyard_lab.dashboard.session import Session
from noteyard_lab.dashboard.session_maker import SessionMaker
from noteyard_lab.dashboard.viewer_token import ViewerToken
from noteyard_lab.dashboard.warm_pool import WarmPool

logger = logging.getLogger(__name__)

EXECUTED_MAX_AGE = 600.0
"""Seconds after which a kernel that was executed ahead is replaced, so that no visitor sees much older data."""
ENDED = 4410
"""Websocket close code that tells the page its session is over."""


class BusyError(Exception):
    """As many sessions are open as the dashboard may have."""


class Sessions:
    """The open sessions, and the kernels that wait for the next ones.

    Visits with the published parameters get a kernel in which the notebook has been executed already. Visits with
    others, and all visits of a dashboard that reads its viewer, get a kernel that has not executed any of it. The cells
    of such a dashboard know who looks; those of others never do, however they are executed, but their widgets may ask.
    """

    def __init__(self, claim: Claim, maker: SessionMaker) -> None:
        self._claim = claim
        self._maker = maker
        self._open: dict[str, Session] = {}
        self._opening = 0
        self.executed = WarmPool(maker.executing_defaults, maker.discard, EXECUTED_MAX_AGE)
        self.blank = WarmPool(maker.blank, maker.discard, float("inf"))
        self.last_activity = dt.datetime.now(dt.UTC)

    def all(self) -> list[Session]:
        """The open ones, oldest first."""
        return list(self._open.values())

    def kernels(self) -> list[Session]:
        """Every session that has a kernel, open or waiting."""
        return [*self._open.values(), *self.executed.sessions(), *self.blank.sessions()]

    def find(self, kernel_id: str, sid: str) -> Session | None:
        """The session of this kernel if it is this viewer's; None for a stranger as for a kernel that is not there."""
        session = self._open.get(kernel_id)
        return session if session is not None and session.sid == sid else None

    async def open(self, viewer: ViewerToken) -> Session:
        """A session for a visit. Raises BusyError when there is no room, and RuntimeError when no kernel starts."""
        self.note_activity()
        await self._make_room(viewer.sid)
        self._opening += 1
        try:
            session = await self._obtain(viewer)
        finally:
            self._opening -= 1
        self._open[session.kernel.id] = session
        return session

    async def end(self, session: Session, why: str) -> None:
        """End a session and its kernel; its page says that it has ended. Does nothing the second time."""
        if self._open.pop(session.kernel.id, None) is None:
            return
        logger.info("session %s ends: %s", session.kernel.id, why)
        for socket in list(session.sockets):
            socket.close(ENDED, why)
        await self._maker.discard(session)

    async def keep_warm(self) -> None:
        """Bring the waiting kernels to their numbers; called about once a second."""
        room = max(0, self._claim.sessions_max - len(self._open) - self._opening)
        ahead = 0 if self._claim.reads_viewer else min(self._claim.preheat, room)
        await self.executed.keep(ahead)
        await self.blank.keep(min(self._blank_wanted(), room - ahead))

    async def close(self) -> None:
        """End everything."""
        for session in self.all():
            await self.end(session, "the dashboard stops")
        await self.executed.close()
        await self.blank.close()

    def note_activity(self) -> None:
        self.last_activity = dt.datetime.now(dt.UTC)

    def _blank_wanted(self) -> int:
        if self._claim.reads_viewer:
            return self._claim.preheat
        return min(1, self._claim.preheat) if self._claim.takes_parameters else 0

    async def _make_room(self, sid: str) -> None:
        """Raise BusyError when all sessions are in use; one that this viewer has left behind makes room."""
        if len(self._open) + self._opening < self._claim.sessions_max:
            return
        left = [session for session in self.all() if session.sid == sid and not session.sockets and not session.readers]
        if not left:
            raise BusyError
        await self.end(left[0], "its viewer opened another")

    async def _obtain(self, viewer: ViewerToken) -> Session:
        parameters = {**self._maker.defaults, **(viewer.parameters or {})}
        if not self._claim.reads_viewer and parameters == self._maker.defaults:
            ahead = self.executed.take()
            session = await ahead if ahead is not None else None
            if session is not None and await session.kernel.is_alive():
                session.give_to(viewer)
                return session
            if session is not None:
                await self._maker.discard(session)
        return await self._execute_for(viewer, parameters)

    async def _execute_for(self, viewer: ViewerToken, parameters: Mapping[str, Any]) -> Session:
        waiting = self.blank.take()
        session = await waiting if waiting is not None else await self._maker.blank()
        try:
            if self._claim.reads_viewer:
                session.give_to(viewer)
                self._maker.execute(session, parameters)
            else:
                self._maker.execute(session, parameters)
                session.give_to(viewer)
        except BaseException:
            await self._maker.discard(session)
            raise
        return session
