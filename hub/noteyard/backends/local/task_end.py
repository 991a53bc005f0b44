"""How a task's process ended, in words, from what its minder wrote down."""

import json
import signal
from pathlib import Path
from typing import Any

from noteyard.backends.local.records import read_record

LAST_WORDS = 300
CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT}
UNWANTED = 3  # exit code of a worker that was told that it is not wanted


def reason_of(folder: Path) -> str | None:
    """The end in words, to follow on "it vanished:"; None when nothing was written down (power cut, minder killed)."""
    end: dict[str, Any] | None = read_record(folder / "end.json", json.loads)
    if end is None:
        return None
    if end["signal"] is not None:
        return _signalled(end["signal"], end["memory_ran_out"])
    if end["code"] == 0:
        return "it ended without a word (exit code 0)"
    if end["code"] == UNWANTED:
        return f"it was told that it is not wanted (exit code {UNWANTED})"
    last = last_line(folder)
    return f"it ended with exit code {end['code']}" + (f" ({last})" if last else "")


def last_line(folder: Path) -> str:
    """The last line that the process printed; empty when it printed nothing."""
    try:
        text = (folder / "output.log").read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return ""
    return lines[-1] if len(lines[-1]) <= LAST_WORDS else lines[-1][: LAST_WORDS - 1] + "…"


def _signalled(number: int, memory_ran_out: bool | None) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    if number in CRASHES:
        return f"it crashed ({name}), most often a fault in a compiled package"
    if number != signal.SIGKILL:
        return f"it was ended by {name}"
    if memory_ran_out is None:
        return "it was killed (SIGKILL), most often because the machine ran out of memory"
    if memory_ran_out:
        return "it was killed (SIGKILL), and the machine ran out of memory while it went on"
    return "it was killed (SIGKILL) by somebody; the machine did not run out of memory"
