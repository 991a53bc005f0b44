"""The log of a lab: the file that its processes append to, kept from growing without end, and its last words.

The lab holds the file itself, so that it can write whether or not the hub is there and its last words are never on the
way. Whoever looks after the lab trims the file in place.
"""

import os
from pathlib import Path

from noteyard.instance import Instance

LIMIT_BYTES = 10 * 1024 * 1024
FIRST_BYTES = 1024 * 1024
LAST_BYTES = 4 * 1024 * 1024
LEFT_OUT = b"\n... the middle of this log was left out: it had become too long ...\n"
SHOWN_LINES = 12
SHOWN_BYTES = 16 * 1024


def log_file(instance: Instance, person: str) -> Path:
    """Where a person's lab writes what it has to say."""
    return instance.folder("logs", "labs") / f"{person}.log"


def open_log(path: Path) -> int:
    """A descriptor of a new, empty log to append to, 0600; the last start's log is kept as `….1`."""
    if path.exists():
        path.replace(path.with_name(f"{path.name}.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)


def trim(path: Path, limit: int = LIMIT_BYTES, first: int = FIRST_BYTES, last: int = LAST_BYTES) -> None:
    """Of a log that is longer than `limit` bytes, keep about the `first` and the `last` ones, in whole lines.

    Processes may go on appending meanwhile; a line that comes in the moment of the cut may be lost.
    """
    if not path.exists() or path.stat().st_size <= limit:
        return
    with path.open("r+b", buffering=0) as file, path.open("ab", buffering=0) as end:
        beginning = file.read(first).partition(LEFT_OUT)[0]
        kept = beginning.rpartition(b"\n")[0] or beginning
        file.seek(-last, os.SEEK_END)
        ending = file.read()
        ending = ending.partition(b"\n")[2] or ending
        file.truncate(len(kept))
        end.write(LEFT_OUT + ending)  # appended, as the lab's own lines are: neither overwrites the other


def last_lines(path: Path) -> str:
    """The end of a lab's log, for people."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - SHOWN_BYTES))
        lines = file.read().decode(errors="replace").strip().splitlines()
    return "\n".join(line[:400] for line in lines[-SHOWN_LINES:])
