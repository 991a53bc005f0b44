"""Makes sessions: a kernel that waits, or one in which the notebook is being executed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from noteyard_lab.dashboard.execution import Execution
from noteyard_lab.dashboard.kernels import KernelStarter
from noteyard_lab.dashboard.live_page import ExecutionRenderer
from noteyard_lab.dashboard.log_tail import LogTail
from noteyard_lab.dashboard.published_notebook import PublishedNotebook, published_index
from noteyard_lab.dashboard.session import Session
from noteyard_lab.worker.failure import Failure

logger = logging.getLogger(__name__)


class SessionMaker:
    """Starts kernels for a published notebook and executes it in them.

    `failure` is how the latest execution that has ended went: None after one that succeeded.
    """

    def __init__(
        self,
        notebook: PublishedNotebook,
        defaults: Mapping[str, Any],
        starter: KernelStarter,
        renderer: Callable[[Execution, str], ExecutionRenderer],
        log: LogTail,
    ) -> None:
        self.failure: Failure | None = None
        self.defaults = defaults
        self._notebook = notebook
        self._starter = starter
        self._renderer = renderer
        self._log = log

    async def blank(self) -> Session:
        """A session whose kernel is up and has executed nothing of the notebook."""
        session = Session(await self._starter.start())
        session.kernel.preload(self._notebook.modules_to_preload())
        return session

    async def executing_defaults(self) -> Session:
        """A session in which the notebook is being executed with the published parameters, without a viewer."""
        session = await self.blank()
        self.execute(session, self.defaults)
        return session

    def execute(self, session: Session, parameters: Mapping[str, Any]) -> None:
        """Start executing the notebook in a session that is blank."""
        task = session.begin(self._notebook.with_parameters(parameters), self._log, self._renderer)
        task.add_done_callback(lambda done: self._note(session, done))

    async def discard(self, session: Session) -> None:
        """End a session's execution and its kernel."""
        await session.stop()
        await self._starter.end(session.kernel)

    def _note(self, session: Session, done: asyncio.Task[None]) -> None:
        execution = session.execution
        if execution is None or done.cancelled():
            return
        failure = execution.failure
        error = done.exception()
        if error is not None:
            logger.error("a page could not be made", exc_info=error)
            failure = Failure(None, type(error).__name__, str(error))
        elif failure is not None:
            index = published_index(execution.notebook, failure.cell)
            failure = replace(failure, cell=index)
        self.failure = failure
