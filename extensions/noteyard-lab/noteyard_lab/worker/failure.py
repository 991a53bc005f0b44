"""What went wrong in a run, as people see it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

ANSI = re.compile(r"\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
LONGEST_MESSAGE = 4_000
LONGEST_TRACEBACK = 40_000


def without_ansi(text: str) -> str:
    """The text without terminal colours and other escape sequences."""
    return ANSI.sub("", text) if "\x1b" in text else text


def shortened(text: str, longest: int) -> str:
    """The text's beginning and end when it is longer than `longest` characters."""
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]}\n… {len(text) - 2 * half:,} characters left out …\n{text[-half:]}"


@dataclass(frozen=True)
class Failure:
    """An error for the hub side. `cell` is an index in the output notebook's cells: one of these is the cell with the
    parameters, tagged `injected-parameters`, which the release's notebook does not have."""

    cell: int | None
    name: str
    message: str
    traceback: str = ""
    hint: str | None = None

    @classmethod
    def in_cell(cls, cell: int, name: str, message: str, traceback: Sequence[str], hint: str | None) -> Failure:
        """From what a kernel says about an exception; colours are taken out, excess is cut."""
        return cls(
            cell,
            name,
            shortened(without_ansi(message), LONGEST_MESSAGE),
            shortened(without_ansi("\n".join(traceback)), LONGEST_TRACEBACK),
            hint,
        )
