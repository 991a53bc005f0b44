"""A visit: the page of a live session, sent while its cells execute."""

from __future__ import annotations

import logging

from jupyter_server.base.handlers import JupyterHandler
from tornado.iostream import StreamClosedError

from noteyard_lab.dashboard.guard import viewer_of
from noteyard_lab.dashboard.plain_page import BROKEN, BUSY, PlainErrors, send
from noteyard_lab.dashboard.session import Session
from noteyard_lab.dashboard.sessions import BusyError, Sessions

logger = logging.getLogger(__name__)


class LivePageHandler(PlainErrors, JupyterHandler):
    """Opens a session for the viewer and sends its page."""

    def initialize(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._reads: Session | None = None

    async def get(self) -> None:
        try:
            session = await self._sessions.open(viewer_of(self))
        except BusyError:
            return send(self, BUSY)
        except RuntimeError:
            logger.exception("no kernel started for a visit")
            return send(self, BROKEN)
        self._reads = session
        session.reading()
        try:
            await self._send_page(session)
        except StreamClosedError:
            logger.info("the browser left while session %s was sent", session.kernel.id)
        finally:
            self._stop_reading()

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self._stop_reading()

    async def _send_page(self, session: Session) -> None:
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        async for html in session.page.read():
            self.write(html)
            await self.flush()

    def _stop_reading(self) -> None:
        if self._reads is not None:
            self._reads.stopped_reading()
            self._reads = None
