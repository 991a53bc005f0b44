"""How a run ended, from what is known when nothing of it executes any more."""

from __future__ import annotations

from dataclasses import dataclass

from noteyard_lab.worker.attempt import Claim, Progress
from noteyard_lab.worker.failure import Failure
from noteyard_lab.worker.run_state import RunState
from noteyard_lab.worker.stopping import Reason


@dataclass(frozen=True)
class Ending:
    """What is reported. `marked_cell` is where the notebook ended early, an index in the output notebook's cells."""

    outcome: str
    failure: Failure | None
    progress: Progress
    marked_cell: int | None


def how_it_ended(claim: Claim, reason: Reason | None, state: RunState | None, failure: Failure | None) -> Ending:
    """The ending of a run that was stopped for `reason`, or that `failure` kept from running, or that just ended."""
    progress = Progress(None, 0, 0) if state is None else state.progress
    if state is not None and state.completed:
        return Ending("succeeded", None, progress, None)
    if reason == "timed_out":
        failure = Failure(
            progress.cell,
            "TimedOut",
            f"The run took longer than its time limit of {_seconds(claim.timeout)}.",
            hint="Give it more time, or less to do.",
        )
        return Ending("timed_out", failure, progress, progress.cell)
    if reason is not None:
        return Ending("stopped", None, progress, progress.cell)
    failure = failure or (None if state is None else state.failure)
    return Ending("failed", failure, progress, None if failure is None else failure.cell)


def _seconds(seconds: float | None) -> str:
    if seconds is None or seconds < 120:
        return f"{seconds:g} seconds"
    if seconds < 7200:
        return f"{seconds / 60:g} minutes"
    return f"{seconds / 3600:g} hours"
