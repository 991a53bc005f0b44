"""The notebook of an attempt, from its kernel's start to the output notebook."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from noteyard_lab.process import end_descendants
from noteyard_lab.quick_imports import without_extras
from noteyard_lab.release_files import place_in
from noteyard_lab.worker.attempt import Claim
from noteyard_lab.worker.kernel import Kernel, choose_kernel, kernel_environment
from noteyard_lab.worker.outputs import OutputStore, PartialSaver
from noteyard_lab.worker.reporting import Reporter
from noteyard_lab.worker.run_log import RunLog
from noteyard_lab.worker.run_state import RunState
from noteyard_lab.worker.stopping import Stopping

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from noteyard_lab.worker.run_client import RunClient

KERNEL_EXIT = 5.0

log = logging.getLogger(__name__)


class NotebookError(Exception):
    """The release's notebook is none; the text is for people."""


class NotebookRun:
    """`state` is there once the kernel is, `notebook` (its JSON text) once papermill had its turn, however it went."""

    def __init__(self, claim: Claim, run_log: RunLog, reporter: Reporter, stopping: Stopping, private: Path) -> None:
        self._claim = claim
        self._log = run_log
        self._reporter = reporter
        self._stopping = stopping
        self._private = private
        self._loop = asyncio.new_event_loop()
        self._client: RunClient | None = None
        self._kernel_name = ("", "")
        self.state: RunState | None = None
        self.notebook: str | None = None

    def interrupt(self) -> None:
        """Pressed to stop: the client's to do; before there is one, the stop is seen when it is made."""
        if self._client is not None:
            self._client.interrupt()

    def kill(self) -> None:
        """Pressed to end now."""
        if self._client is not None:
            self._client.kill()
        elif self.state is not None:
            self.state.kernel.kill()

    def start_kernel(self, release: Path) -> None:
        """Start the kernel in the notebook's folder of `release`; it gets ready while papermill is loaded.

        Raises KernelMissingError when the profile lacks the kernel, NotebookError when the notebook is none.
        """
        path = place_in(release, self._claim.notebook)
        try:
            notebook = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise NotebookError(f"{self._claim.notebook} can't be read as a notebook: {error}") from error
        name, spec = choose_kernel(self._claim.kernel_name, notebook)
        shutil.copyfile(path, self._private / "input.ipynb")
        environment = kernel_environment(os.environ, self._claim.environment, self._private)
        kernel = self._loop.run_until_complete(Kernel.start(name, path.parent, environment, self._private))
        self._kernel_name = (name, spec.language)
        self.state = RunState(
            kernel,
            self._log,
            release,
            path.parent,
            self._claim.output_limit,
            stop_wanted=lambda: self._stopping.reason is not None,
            changed=self._reporter.changed,
        )
        self._reporter.follow(lambda: state.progress)
        state = self.state

    def execute(self, store: OutputStore, lost: Callable[[], None]) -> None:
        """Execute the notebook. Raises MisfitError for parameters that do not fit, CancelledError when stopped."""
        with without_extras():
            from noteyard_lab.worker.engine import run_papermill
        saver = PartialSaver(store, lost)
        saver.start()
        try:
            run_papermill(
                os.path.relpath(self._private / "input.ipynb"),
                self._kernel_name,
                self._claim.parameters,
                self._claim.schema,
                execute=lambda nb_man: self._loop.run_until_complete(self._run(nb_man, saver)),
                keep=self._keep,
            )
        finally:
            saver.close()

    def end(self) -> None:
        """End the kernel and everything that it or the notebook started."""
        if self.state is not None:
            self.state.kernel.wait(KERNEL_EXIT)
        if not end_descendants():
            log.error("processes of the run could not be ended")

    async def _run(self, nb_man: Any, saver: PartialSaver) -> None:
        from noteyard_lab.worker.run_client import RunClient

        assert self.state is not None
        self._client = RunClient(nb_man, self.state, saver)
        if self._stopping.reason is not None:
            raise asyncio.CancelledError
        await self._client.run()

    def _keep(self, notebook: NotebookNode) -> None:
        from nbformat.v4 import writes

        self.notebook = writes(notebook)  # type: ignore[no-untyped-call]
