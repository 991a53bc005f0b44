"""What a live page may ask about its kernel: its state, the websocket, whether the session goes on, and its end.

A kernel belongs to the viewer session that opened it. For all others it does not exist: 404, as for any wrong id.
"""

from __future__ import annotations

import json
from typing import Any

from jupyter_core.utils import ensure_async
from jupyter_server.base.handlers import JupyterHandler
from tornado.web import HTTPError, RequestHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler  # type: ignore[import-untyped]

from noteyard_lab.dashboard.guard import viewer_of
from noteyard_lab.dashboard.plain_page import PlainErrors
from noteyard_lab.dashboard.session import Session
from noteyard_lab.dashboard.sessions import Sessions
from noteyard_lab.dashboard.viewer_messages import V1
from noteyard_lab.worker.failure import without_ansi

SOCKETS_MAX = 4
REFUSALS_MAX = 20


class _KernelHandler(PlainErrors, JupyterHandler):
    def initialize(self, sessions: Sessions) -> None:
        self._sessions = sessions


class KernelModelHandler(_KernelHandler):
    """jupyter_server's description of a kernel, which the page's widget manager wants before it connects."""

    async def get(self, kernel_id: str) -> None:
        session = own_session(self, self._sessions, kernel_id)
        manager = session.kernel.manager
        model = {
            "id": kernel_id,
            "name": manager.kernel_name,
            "last_activity": manager.last_activity.isoformat(),
            "execution_state": manager.execution_state,
            "connections": len(session.sockets),
        }
        _send_json(self, model)


class SessionHandler(_KernelHandler):
    """Whether the session still exists; asking renews the trust in the page's websocket: the edge let it through."""

    async def get(self, kernel_id: str) -> None:
        own_session(self, self._sessions, kernel_id).renew()
        _send_json(self, {"state": "live"})


class EndHandler(_KernelHandler):
    """Ends the session; the page asks for it when it is closed."""

    async def post(self, kernel_id: str) -> None:
        await self._sessions.end(own_session(self, self._sessions, kernel_id), "its page was closed")
        self.set_status(204)


class KernelSocketHandler(PlainErrors, VoilaKernelWebsocketHandler):  # type: ignore[misc]
    """The websocket between a page's widgets and their kernel; what may pass is `ViewerChannel`'s business."""

    def initialize(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self.session: Session | None = None
        self._refusals = 0

    async def get(self, kernel_id: str) -> None:
        session = own_session(self, self._sessions, kernel_id)
        if len(session.sockets) >= SOCKETS_MAX:
            raise HTTPError(429)
        await ensure_async(super().get(kernel_id))

    async def open(self, kernel_id: str) -> None:
        session = self._sessions.find(kernel_id, viewer_of(self).sid)
        if session is None or self.selected_subprotocol != V1:
            self.close(1008, "no session for this websocket")
            return
        self.session = session
        session.connected(self)
        await super().open(kernel_id)

    def note_message(self) -> None:
        """The viewer has used a widget."""
        if self.session is not None:
            self.session.touch()
            self._sessions.note_activity()

    def note_refusal(self) -> None:
        """A message was refused; a page of ours sends none of those, so one that goes on is cut off."""
        self._refusals += 1
        if self._refusals >= REFUSALS_MAX:
            self.close(1008, "messages that are not allowed")

    def note_output(self, content: dict[str, Any]) -> None:
        """Keep for the owner what a widget's callback has printed or raised."""
        text = content["text"] if "text" in content else "\n".join(content["traceback"]) + "\n"
        self.settings["owner_log"].write(without_ansi(text))

    def on_close(self) -> None:
        if self.session is not None:
            self.session.disconnected(self)
        super().on_close()


def own_session(handler: RequestHandler, sessions: Sessions, kernel_id: str) -> Session:
    """The viewer's session with this kernel. Raises HTTPError 404 when there is none."""
    session = sessions.find(kernel_id, viewer_of(handler).sid)
    if session is None:
        raise HTTPError(404)
    return session


def _send_json(handler: RequestHandler, body: dict[str, Any]) -> None:
    handler.set_header("Content-Type", "application/json")
    handler.set_header("Cache-Control", "no-store")
    handler.finish(json.dumps(body))
