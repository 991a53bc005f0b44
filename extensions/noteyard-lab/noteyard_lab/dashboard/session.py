"""One live session: a kernel, the notebook executed in it and its page, which belong to one viewer once taken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from nbformat import NotebookNode

from noteyard_lab.dashboard.execution import Execution
from noteyard_lab.dashboard.kernels import Kernel
from noteyard_lab.dashboard.live_page import ExecutionRenderer, LivePage
from noteyard_lab.dashboard.log_tail import LogTail
from noteyard_lab.dashboard.viewer_token import ViewerToken

LEASE_SECONDS = 150.0
"""How long a websocket is trusted after the last request the edge let through; pages ask every 30 s."""


class Socket(Protocol):
    """A viewer's websocket to the kernel."""

    def close(self, code: int, reason: str) -> None: ...


class Session:
    """A kernel with its page. `sid` is None while it waits for a viewer; times are monotonic seconds."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.page = LivePage()
        self.execution: Execution | None = None
        self.sid: str | None = None
        self.started = time.monotonic()
        self.last_activity = self.started
        self.lease_until = self.started + LEASE_SECONDS
        self.sockets: set[Socket] = set()
        self.readers = 0
        self.alone_since = self.started
        self._task: asyncio.Task[None] | None = None

    def begin(
        self, notebook: NotebookNode, log: LogTail, renderer: Callable[[Execution, str], ExecutionRenderer]
    ) -> asyncio.Task[None]:
        """Start executing the notebook and making its page; the task is done when both are."""
        self.execution = Execution(notebook, self.kernel, log)
        self._task = asyncio.create_task(self._execute(self.execution, renderer(self.execution, self.kernel.id)))
        return self._task

    async def executed(self) -> Execution:
        """The execution, once it and the page are complete."""
        assert self.execution is not None and self._task is not None
        await self._task
        return self.execution

    async def stop(self) -> None:
        """Stop executing; the kernel is not touched."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def give_to(self, viewer: ViewerToken) -> None:
        """Make this the viewer's session. Its kernel knows who looks from now on, or from the end of the execution."""
        self.sid = viewer.sid
        self.alone_since = time.monotonic()
        self.renew()
        self.touch()
        if self.execution is not None:
            self.execution.tell_viewer_afterwards(viewer.viewer)
        else:
            self.kernel.tell_viewer(viewer.viewer)

    @property
    def executing(self) -> bool:
        return self._task is not None and not self._task.done()

    @property
    def busy(self) -> bool:
        """Whether the kernel is working, for the notebook or for a widget."""
        return self.executing or self.kernel.manager.execution_state == "busy"

    @property
    def failed(self) -> bool:
        """Whether its execution has ended early."""
        return self.execution is not None and self.execution.failure is not None

    def touch(self) -> None:
        """Note that the viewer has done something."""
        self.last_activity = time.monotonic()

    def renew(self) -> None:
        """Note that the edge has let the viewer through just now."""
        self.lease_until = time.monotonic() + LEASE_SECONDS

    def connected(self, socket: Socket) -> None:
        self.sockets.add(socket)
        self.touch()

    def disconnected(self, socket: Socket) -> None:
        self.sockets.discard(socket)
        self._note_alone()

    def reading(self) -> None:
        """A browser reads the page."""
        self.readers += 1

    def stopped_reading(self) -> None:
        self.readers -= 1
        self._note_alone()

    def alone_for(self, now: float) -> float:
        """Seconds since the last reader and the last websocket went, 0 while there is one."""
        return 0.0 if self.sockets or self.readers else now - self.alone_since

    def _note_alone(self) -> None:
        self.alone_since = time.monotonic()

    async def _execute(self, execution: Execution, renderer: ExecutionRenderer) -> None:
        page = asyncio.create_task(self.page.make(renderer))
        try:
            await execution.run()
            await page
        finally:
            page.cancel()
