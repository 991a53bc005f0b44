"""The log of a run: what its cells print, their results and errors, as plain text that is sent while it grows."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from noteyard_lab.worker.failure import shortened, without_ansi
from noteyard_lab.worker.printed_text import LineFolder, TextTail, amount

HOLD = 3.0
LONGEST_RESULT = 10_000
TAIL_SHARE = 4


class RunLog:
    """Collects text up to `limit` characters: the beginning as it comes, and the end when the run ends.

    Safe to use from several threads. `unsent` and `sent` are for the one reporter.
    """

    def __init__(self, limit: int) -> None:
        self._lock = threading.Lock()
        self._room = limit - limit // TAIL_SHARE
        self._tail: TextTail[None] = TextTail(limit // TAIL_SHARE)
        self._full = False
        self._folder = LineFolder()
        self._open_since = 0.0
        self._waiting: list[str] = []
        self.offset = 0

    def add_output(self, output: Mapping[str, Any]) -> None:
        """Add a result or error of a cell (an nbformat output) as text, if it has one."""
        if output["output_type"] == "error":
            self.add_lines("\n".join(output["traceback"]) or f"{output['ename']}: {output['evalue']}")
        else:
            data: Mapping[str, str | Sequence[str]] = output.get("data", {})
            if "text/plain" in data:
                self.add_lines(shortened("".join(data["text/plain"]), LONGEST_RESULT))

    def print(self, text: str) -> None:
        """Add printed text; a line begun is held for a moment, it may be overwritten."""
        with self._lock:
            if not self._folder.open_line:
                self._open_since = time.monotonic()
            self._keep(self._folder.feed(text))

    def new_line(self) -> None:
        """What comes next begins a line."""
        with self._lock:
            self._settle()

    def add_lines(self, text: str) -> None:
        """Add whole lines."""
        with self._lock:
            self._settle()
            self._keep(text if text.endswith("\n") else text + "\n")

    def unsent(self, most: int) -> str:
        """What comes next, at most `most` characters, beginning at `offset`."""
        with self._lock:
            if self._folder.open_line and time.monotonic() - self._open_since > HOLD:
                self._settle(newline="\r" in self._folder.open_line)
            text = "".join(self._waiting)
            self._waiting = [text] if text else []
            return text[:most]

    def sent(self, length: int) -> None:
        """The next `length` characters have arrived."""
        with self._lock:
            text = "".join(self._waiting)[length:]
            self._waiting = [text] if text else []
            self.offset += length

    def close(self) -> None:
        """Add what was held back: the last line, and the end of a log that was too long."""
        with self._lock:
            self._settle(newline=False)
            if self._tail.characters_left_out:
                self._waiting.append(
                    f"… {amount(self._tail.characters_left_out)} ({self._tail.lines_left_out:,} lines) left out …\n"
                )
            self._waiting += [text for _, text in self._tail.pieces()]

    def _settle(self, newline: bool = True) -> None:
        held = self._folder.settle()
        if held:
            self._keep(held + "\n" if newline else held)

    def _keep(self, text: str) -> None:
        text = without_ansi(text).encode("utf-8", "replace").decode()
        if not self._full and text:
            self._waiting.append(text[: self._room])
            text, self._room = text[self._room :], self._room - len(text)
            if text:
                self._full = True
                self._waiting.append("\n")
                self._waiting.append(
                    "… the log is at its limit: of what is printed from here on, the end follows when the run ends …\n"
                )
        if text:
            self._tail.add(None, text)
