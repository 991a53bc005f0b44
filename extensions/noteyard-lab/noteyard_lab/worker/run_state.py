"""What is known about a run while it goes: how far it is, why it ended, its kernel and its log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from noteyard_lab.worker.attempt import Progress
from noteyard_lab.worker.failure import Failure
from noteyard_lab.worker.hints import hint_for
from noteyard_lab.worker.kernel import Kernel
from noteyard_lab.worker.run_log import RunLog


@dataclass
class RunState:
    """Written by the main thread; others only read `progress`, which is replaced as a whole.

    `release` is the folder of the release's files, `start` the folder in it where the notebook runs. `changed` is
    called when there is news to report.
    """

    kernel: Kernel
    log: RunLog
    release: Path
    start: Path
    output_limit: int
    stop_wanted: Callable[[], bool]
    changed: Callable[[], None]
    progress: Progress = field(default_factory=lambda: Progress(None, 0, 0))
    failure: Failure | None = None
    completed: bool = False

    def begin(self, code_cells: int) -> None:
        """The notebook, with the cell of its parameters, has so many code cells."""
        self._move(Progress(None, 0, code_cells))

    def begin_cell(self, index: int) -> None:
        """The code cell at `index` of the output notebook begins."""
        self.log.new_line()
        self._move(Progress(index, self.progress.cells_done, self.progress.cells))

    def end_cell(self) -> None:
        """The code cell under way is done."""
        self._move(Progress(None, self.progress.cells_done + 1, self.progress.cells))

    def complete(self) -> None:
        """The notebook came to its own end, unless it was being stopped meanwhile."""
        self.completed = not self.stop_wanted()

    def fail(self, cell: int, name: str, message: str, traceback: Sequence[str]) -> None:
        """A cell raised what nobody caught."""
        hint = hint_for(name, message, self.release, self.start)
        self.failure = Failure.in_cell(cell, name, message, traceback, hint)

    def kernel_died(self, cell: int | None) -> None:
        """The kernel is gone, while it executed `cell` or before any."""
        self.failure = self.kernel.death(cell)
        self.log.add_lines(self.failure.message)

    def _move(self, progress: Progress) -> None:
        self.progress = progress
        self.changed()
