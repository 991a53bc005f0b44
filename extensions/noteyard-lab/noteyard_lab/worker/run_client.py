"""The client of a run's kernel: executes cell by cell, bounds what is kept, and can be stopped at any moment."""

from __future__ import annotations

import asyncio
import logging
import weakref
from typing import Any

from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import output_from_msg, writes
from papermill.clientwrap import PapermillNotebookClient  # type: ignore[import-untyped]

from noteyard_lab.worker.cell_outputs import LARGEST_CELL, CellOutputs, bounded
from noteyard_lab.worker.output_widget import BoundedOutputWidget
from noteyard_lab.worker.outputs import PartialSaver
from noteyard_lab.worker.run_state import RunState

READY_WITHIN = 120
# A kernel's last messages may be far behind its answer when a cell prints a lot.
MESSAGES_WITHIN = 120
ENDED_WELL = frozenset({"", "0", "None"})
MANY_DISPLAYS = 1_000
LARGEST_NOTEBOOK = 200_000_000

log = logging.getLogger(__name__)


class RunClient(PapermillNotebookClient):  # type: ignore[misc]
    """Executes a notebook for a RunState. Made inside the event loop that runs it."""

    def __init__(self, nb_man: Any, state: RunState, saver: PartialSaver) -> None:
        super().__init__(
            nb_man,
            km=state.kernel.manager,
            raise_on_iopub_timeout=False,
            iopub_timeout=MESSAGES_WITHIN,
            startup_timeout=READY_WITHIN,
            log=log,
        )
        self.widget_registry = {"@jupyter-widgets/output": {"OutputModel": BoundedOutputWidget}}
        self._state = state
        self._saver = saver
        self._outputs = CellOutputs(state.output_limit)
        self._kept = 0
        self._displays: dict[str, list[weakref.ReferenceType[NotebookNode]]] = {}
        self.clear_before_next_output = False
        self._executing = False
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        self._interrupting: asyncio.Future[None] | None = None

    def interrupt(self) -> None:
        """End the cell under way with KeyboardInterrupt. From any thread."""
        self._loop.call_soon_threadsafe(self._interrupt)

    def kill(self) -> None:
        """End the kernel. From any thread."""
        self._state.kernel.kill()
        self._loop.call_soon_threadsafe(self._cancel_unless_executing)

    def _interrupt(self) -> None:
        if self._executing and self.km is not None:
            self._interrupting = asyncio.ensure_future(self.km.interrupt_kernel())
        self._cancel_unless_executing()

    def _cancel_unless_executing(self) -> None:
        if not self._executing and self._task is not None:
            self._task.cancel()

    async def run(self) -> None:
        """Execute all cells, or up to the first that fails. The state tells how it went."""
        self.reset_execution_trackers()
        try:
            await self.async_start_new_kernel_client()
        except RuntimeError as error:
            log.warning("the kernel did not start: %s", error)
            self._state.kernel_died(None)
            return
        await self._learn_language()
        snapshots = asyncio.ensure_future(self._save_now_and_then())
        try:
            await self._execute_cells()
        finally:
            snapshots.cancel()
            self.set_widgets_metadata()
        if self._state.failure is None or await self.km.is_alive():
            await self.km.request_shutdown()  # files are flushed at exit, while the outputs are stored

    async def _learn_language(self) -> None:
        reply = await self.async_wait_for_reply(self.kc.kernel_info())
        if reply is not None:
            self.nb.metadata["language_info"] = reply["content"]["language_info"]

    async def _execute_cells(self) -> None:
        code_cells = [(index, cell) for index, cell in enumerate(self.nb.cells) if cell.cell_type == "code"]
        self._state.begin(len(code_cells))
        for index, cell in code_cells:
            self._executing = True
            if self._state.stop_wanted():
                return
            self._state.begin_cell(index)
            self.nb_man.cell_start(cell, index)
            try:
                goes_on = await self._execute(cell, index)
            finally:
                self._executing = False
                cell.outputs = self._outputs.outputs()
                self._kept += self._outputs.size
                self.nb_man.cell_complete(cell, index)
            if not goes_on:
                return
            self._state.end_cell()
        self._state.complete()

    async def _execute(self, cell: NotebookNode, index: int) -> bool:
        """Execute one code cell; whether the next one may follow."""
        self._outputs = CellOutputs(self._state.output_limit, min(LARGEST_CELL, LARGEST_NOTEBOOK - self._kept))
        try:
            await self.async_execute_cell(cell, index)
        except CellExecutionError as error:
            if error.ename == "SystemExit" and error.evalue in ENDED_WELL:
                self._state.complete()
                return False
            self._state.fail(index, error.ename, error.evalue, self._traceback() or [error.traceback])
        except DeadKernelError:
            self._state.kernel_died(index)
        else:
            return True
        self.nb_man.cell_exception(cell, index)
        return False

    def _traceback(self) -> list[str]:
        errors = [output for output in self._outputs.outputs() if output.output_type == "error"]
        return list(errors[-1].traceback) if errors else []

    async def _save_now_and_then(self) -> None:
        while True:
            await asyncio.sleep(self._saver.pause())
            index = self._state.progress.cell
            if index is not None:
                self.nb.cells[index].outputs = self._outputs.outputs()
            self.set_widgets_metadata()
            self._saver.offer(writes(self.nb))  # type: ignore[no-untyped-call]

    def output(self, outs: Any, msg: dict[str, Any], display_id: str | None, cell_index: int) -> None:
        """Keep an output of the cell under way, within bounds, and log it."""
        content = msg["content"]
        printed = msg["msg_type"] == "stream"
        output = None if printed else _output(msg)
        if printed:
            self._state.log.print(content["text"])
        elif output is not None:
            self._state.log.add_output(output)
        self._state.changed()
        hooks = self.output_hook_stack[msg["parent_header"].get("msg_id")]
        if hooks:
            hooks[-1].output(outs, msg, display_id, cell_index)
            return
        if self.clear_before_next_output:
            self._outputs.clear()
            self.clear_before_next_output = False
        if printed:
            self._outputs.add_text(content["name"], content["text"])
        elif output is not None:
            kept = self._outputs.add(output)
            if display_id:
                self._remember_display(display_id, kept)

    def clear_output(self, outs: Any, msg: dict[str, Any], cell_index: int) -> None:
        """Do what `IPython.display.clear_output` asks for."""
        hooks = self.output_hook_stack[msg["parent_header"].get("msg_id")]
        if hooks:
            hooks[-1].clear_output(outs, msg, cell_index)
        elif msg["content"].get("wait"):
            self.clear_before_next_output = True
        else:
            self._outputs.clear()

    def _remember_display(self, display_id: str, output: NotebookNode) -> None:
        if len(self._displays) > MANY_DISPLAYS:
            self._displays = {
                key: refs for key, refs in self._displays.items() if any(ref() is not None for ref in refs)
            }
        self._displays.setdefault(display_id, []).append(weakref.ref(output))

    def _update_display_id(self, display_id: str, msg: dict[str, Any]) -> None:
        shown = [output for ref in self._displays.get(display_id, ()) if (output := ref()) is not None]
        update = _output({**msg, "msg_type": "display_data", "header": {**msg["header"], "msg_type": "display_data"}})
        if update is None or not shown:
            return
        update = bounded(update, self._state.output_limit)
        for output in shown:
            output["data"], output["metadata"] = update["data"], update["metadata"]


def _output(msg: dict[str, Any]) -> NotebookNode | None:
    try:
        output: NotebookNode = output_from_msg(msg)  # type: ignore[no-untyped-call]
    except ValueError:
        log.warning("a kernel's message of the kind %s is no output", msg["msg_type"])
        return None
    return output
