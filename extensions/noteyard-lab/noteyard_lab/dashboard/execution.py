"""One execution of the dashboard's notebook, cell by cell, which a page can follow while it happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import nbformat
from jupyter_client.asynchronous.client import AsyncKernelClient
from nbclient.client import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from noteyard_lab.dashboard.kernels import Kernel
from noteyard_lab.dashboard.log_tail import LogTail
from noteyard_lab.viewer import Viewer
from noteyard_lab.worker.failure import Failure, without_ansi
from noteyard_lab.worker.output_widget import WakingOutputWidget

logger = logging.getLogger(__name__)

FAILED_SENTENCE = "This part of the dashboard failed. Its owner can see why."
SENTENCE_CONTENT = {"ename": "Error", "evalue": FAILED_SENTENCE, "traceback": [FAILED_SENTENCE]}
"""Content of the `error` output that viewers get in place of the real one."""


class Execution:
    """A notebook being executed in a kernel.

    The outputs in `notebook` are what viewers may see: errors are replaced by a plain sentence, stderr is left out.
    Both go to the log, and the error that ended the execution is `failure`, its cell an index in `notebook.cells`.
    """

    def __init__(self, notebook: NotebookNode, kernel: Kernel, log: LogTail) -> None:
        self.notebook = notebook
        self.failure: Failure | None = None
        self._client = _QuietClient(notebook, kernel.manager, log)
        self._client.kc = kernel.client
        self._kernel = kernel
        self._viewer: Viewer | None = None
        self._over = False
        self._executed = 0
        self._settled = [asyncio.Event() for _ in notebook.cells]

    async def run(self) -> None:
        """Execute all cells, or those up to the first that fails, and keep the widgets' state in the notebook."""
        try:
            for index, cell in enumerate(self.notebook.cells):
                self.failure = await self._execute(cell, index)
                self._executed = index + 1
                if self.failure is not None:
                    break
                self._settled[index].set()
            self._client.set_widgets_metadata()
        finally:
            self._over = True
            if self._viewer is not None:
                self._kernel.tell_viewer(self._viewer)
            self._kernel.client.iopub_channel.stop()  # nobody reads it any more
            for settled in self._settled:
                settled.set()

    def tell_viewer_afterwards(self, viewer: Viewer) -> None:
        """Let the kernel know who looks once all cells have been executed; at once when they have been."""
        if self._over:
            self._kernel.tell_viewer(viewer)
        else:
            self._viewer = viewer

    async def cells(self) -> AsyncIterator[NotebookNode]:
        """The cells in order, each as soon as it has been executed; the failing one is the last."""
        for index, cell in enumerate(self.notebook.cells):
            await self._settled[index].wait()
            if index >= self._executed:
                return
            yield cell

    async def _execute(self, cell: NotebookNode, index: int) -> Failure | None:
        try:
            await self._client.async_execute_cell(cell, index)
        except CellExecutionError as error:
            return Failure.in_cell(index, error.ename, error.evalue, [error.traceback], None)
        except DeadKernelError:
            output = nbformat.v4.new_output("error", **SENTENCE_CONTENT)  # type: ignore[no-untyped-call]
            cell.outputs.append(output)
            message = "The kernel died while this cell was running; it may have run out of memory."
            return Failure(index, "DeadKernelError", message)
        except Exception as error:  # whatever else goes wrong ends the execution, not the launcher
            logger.exception("cell %d could not be executed", index)
            return Failure(index, type(error).__name__, str(error))
        return None


class _QuietClient(NotebookClient):
    """nbclient's notebook execution, with what is not for viewers kept out of the outputs and in the log."""

    def __init__(self, notebook: NotebookNode, manager: Any, log: LogTail) -> None:
        super().__init__(notebook, km=manager, timeout=None, record_timing=False)
        self.kc: AsyncKernelClient
        self._owner_log = log
        self.widget_registry = {"@jupyter-widgets/output": {"OutputModel": WakingOutputWidget}}

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        """Handle one kernel message; see nbclient."""
        kind, content = msg["msg_type"], msg["content"]
        if kind == "stream":
            self._owner_log.write(without_ansi(content["text"]))
            if content["name"] == "stderr":
                return None
        if kind == "error":
            self._owner_log.write(without_ansi("\n".join(content["traceback"])) + "\n")
            msg = {**msg, "content": SENTENCE_CONTENT}
        return super().process_message(msg, cell, cell_index)
