"""Refusals in words, and the exit codes that programs can count on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """How `yard` ends."""

    DONE = 0
    REFUSED = 1
    USAGE = 2  # what the command line parser itself uses
    FAILED = 3
    CANCELLED = 4
    TIMED_OUT = 5
    LOST = 6
    UNREACHABLE = 7
    STOPPED = 130  # 128 + SIGINT, as shells have it


EXIT_CODES_HELP = (
    "Exit codes: 0 done, and with --wait the run succeeded · 1 refused (the message says why) · 2 wrong command line · "
    "3 the run failed · 4 it was cancelled · 5 it timed out · 6 it was lost or interrupted · "
    "7 Noteyard could not be reached · 130 stopped by Ctrl-C (the run goes on)."
)

CODE_OF_STATE = {
    "succeeded": ExitCode.DONE,
    "failed": ExitCode.FAILED,
    "cancelled": ExitCode.CANCELLED,
    "timed out": ExitCode.TIMED_OUT,
    "lost": ExitCode.LOST,
    "interrupted": ExitCode.LOST,
}


@dataclass(eq=False)
class YardError(Exception):
    """A refusal: `message` in one sentence, what to do next in `hint`, and each refused field with its message.

    `status` is the HTTP status of a refusal by the API, None for all others.
    """

    message: str
    hint: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    code: ExitCode = ExitCode.REFUSED
    status: int | None = None

    def problem(self) -> dict[str, Any]:
        """The refusal for programs, in the shape of the API's problem documents."""
        return {
            "detail": self.message,
            "hint": self.hint,
            "status": self.status,
            "fields": [{"field": field, "message": message} for field, message in self.fields],
        }
