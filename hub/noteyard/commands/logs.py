"""`noteyard logs`: what the parts wrote, and what they write now."""

import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from noteyard.commands.shared import StateOption, say, state_of

if TYPE_CHECKING:
    from io import BufferedReader


def logs(
    part: Annotated[str | None, typer.Argument(help="edge, hub, api, controller or s3; all when not given.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on printing what comes, until Ctrl-C.")] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", metavar="COUNT", help="How many lines of each part.", min=0)
    ] = 50,
    state: StateOption = None,
) -> None:
    """Print the last lines of the parts' logs."""
    folder = state_of(state) / "logs"
    tails = [Tail(path, prefix=None if part else path.stem) for path in _files(folder, part)]
    for tail in tails:
        tail.print_last(lines)
    if not follow:
        return
    from watchfiles import watch

    try:
        for _ in watch(folder, step=100, debounce=200, rust_timeout=1000, yield_on_timeout=True):
            for tail in tails:
                tail.print_new()
    except KeyboardInterrupt:
        return


@dataclass
class Tail:
    """A log file that may be rotated away while it is read; `prefix` is put before each line."""

    path: Path
    prefix: str | None
    _file: "BufferedReader | None" = None
    _rest: bytes = b""

    def print_last(self, count: int) -> None:
        """Print the last lines; what follows them is new."""
        self._file = self.path.open("rb")
        content = self._file.read()
        whole, _, self._rest = content.rpartition(b"\n")
        if whole:
            self._print(deque(whole.split(b"\n"), maxlen=count))

    def print_new(self) -> None:
        """Print the lines that came since; goes on in the new file when this one was rotated away."""
        if self._file is None:
            return
        self._take()
        if self.path.exists() and os.fstat(self._file.fileno()).st_ino != self.path.stat().st_ino:
            self._take()  # what was written between the look and the rotation
            self._file.close()
            self._file, self._rest = self.path.open("rb"), b""
            self._take()

    def _take(self) -> None:
        content = self._rest + (self._file.read() if self._file else b"")
        *lines, self._rest = content.split(b"\n")
        self._print(lines)

    def _print(self, lines: "deque[bytes] | list[bytes]") -> None:
        for line in lines:
            text = line.decode(errors="replace")
            say(f"{self.prefix:<10} {text}" if self.prefix else text)


def _files(folder: Path, part: str | None) -> list[Path]:
    from noteyard.errors import NotFound
    from noteyard.instance import PARTS

    there = sorted(path for path in folder.glob("*.log") if path.stem in (*PARTS, "supervisor", "restarter"))
    found = [path for path in there if part is None or path.stem == part]
    if found:
        return found
    if part is None:
        raise NotFound(f"There are no logs in {folder}.", "Noteyard was never started there; start it: noteyard up")
    known = ", ".join(path.stem for path in there) or "none yet"
    raise NotFound(f"There is no log of a part named {part!r}.", f"There are: {known}.")
