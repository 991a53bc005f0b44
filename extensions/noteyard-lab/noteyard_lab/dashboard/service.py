"""One dashboard being served: its notebook rendered where that is asked for, then its live sessions."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from noteyard_lab.dashboard.claim import Claim
from noteyard_lab.dashboard.keeper import look_after_processes, look_after_sessions
from noteyard_lab.dashboard.kernels import KernelStarter, environment_of_kernels
from noteyard_lab.dashboard.log_tail import LogTail
from noteyard_lab.dashboard.published_notebook import PublishedNotebook
from noteyard_lab.dashboard.rendering import card_png, rendering_html
from noteyard_lab.dashboard.session_maker import SessionMaker
from noteyard_lab.dashboard.sessions import Sessions
from noteyard_lab.dashboard.status import Doings, StatusReports
from noteyard_lab.dashboard.tasks import first_over
from noteyard_lab.dashboard.viewer_token import ViewerTokens
from noteyard_lab.dashboard.voila_app import DashboardVoila
from noteyard_lab.hub_client import HubClient
from noteyard_lab.release_files import place_in
from noteyard_lab.worker.failure import Failure

logger = logging.getLogger(__name__)

LARGEST_REQUEST = 1 << 20


class BrokenDashboardError(Exception):
    """The notebook failed while the last rendering was made."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class Service:
    """A claimed dashboard whose release lies in `folder`; `runtime` is a private folder for kernels' sockets.

    Raises UnusableNotebookError or KernelMissingError when the notebook can't be executed in this environment.
    """

    def __init__(self, claim: Claim, folder: Path, runtime: Path, log: LogTail) -> None:
        self._claim = claim
        path = place_in(folder, claim.notebook)
        notebook = PublishedNotebook(path, claim.schema)
        self._voila = DashboardVoila(claim.base_url, path.parent, runtime, log)
        kernel_name = notebook.choose_kernel(claim.kernel_name)
        environment = environment_of_kernels(claim.environment, runtime)
        self._starter = KernelStarter(self._voila.kernel_manager, kernel_name, path.parent, environment)
        self._maker = SessionMaker(notebook, claim.parameters, self._starter, self._voila.renderer, log)
        self._sessions = Sessions(claim, self._maker)

    async def run(self, client: HubClient, workload: str, reports: StatusReports) -> int:
        """Render if asked to and serve until cancelled. Raises BrokenDashboardError when the rendering fails."""
        reports.watch(self._doings)
        try:
            return await first_over(
                look_after_processes(self._starter, self._claim.memory_limit),
                self._render_and_serve(client, workload, reports),
            )
        finally:
            await self._sessions.close()

    async def _render_and_serve(self, client: HubClient, workload: str, reports: StatusReports) -> int:
        if self._claim.render:
            reports.enter("rendering")
            await self._render(client, f"/workloads/{workload}/rendering")
        port = self._listen()
        reports.enter("ready", port)
        logger.info("serving %s on port %d", self._claim.title, port)
        # Before the first visitor asks for it, and beside all else: kernels are starting.
        chunks = asyncio.create_task(asyncio.to_thread(self._voila.assets.chunks))
        try:
            return await look_after_sessions(self._sessions, self._claim)
        finally:
            chunks.cancel()

    async def _render(self, client: HubClient, path: str) -> None:
        """Execute with the published parameters and no viewer, and store the rendering and the card."""
        session = await self._maker.executing_defaults()
        self._sessions.executed.adopt(session)
        execution = await session.executed()
        if self._maker.failure is not None:
            raise BrokenDashboardError(self._maker.failure)
        html = await asyncio.to_thread(rendering_html, execution.notebook, self._claim.title, self._claim.assets_url)
        await asyncio.to_thread(client.put, f"{path}/rendering.html", html.encode(), "text/html; charset=utf-8")
        card = card_png(execution.notebook)
        if card is not None:
            await asyncio.to_thread(client.put, f"{path}/card.png", card, "image/png")

    def _listen(self) -> int:
        """Serve on the address of the claim; returns the port."""
        tokens = ViewerTokens(self._claim.public_key, self._claim.audience)
        server = HTTPServer(self._voila.application(tokens, self._sessions), max_body_size=LARGEST_REQUEST)
        host, _, port = self._claim.bind.rpartition(":")
        sockets = bind_sockets(int(port), host)
        server.add_sockets(sockets)
        return int(sockets[0].getsockname()[1])

    def _doings(self) -> Doings:
        return Doings(len(self._sessions.all()), self._sessions.last_activity, self._maker.failure)
