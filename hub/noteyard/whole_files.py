"""Files that are there whole or not at all, also after a power cut.

Imports the standard library alone, few modules of it: the minder, which is on the way of every start, writes by it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BufferedWriter
from pathlib import Path


@contextmanager
def whole_file(path: Path, *, once: bool = False) -> Iterator[BufferedWriter]:
    """A file (0600) to write to, which gets in place when all is written; with `once`, one that is there stays."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    # Left by a process of the same pid, of before a restart of the machine or container.
    temporary.unlink(missing_ok=True)
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            # A name can reach the disk before the content does: the file would be there, and empty.
            os.fsync(file.fileno())
        if once:
            with suppress(FileExistsError):
                os.link(temporary, path)
        else:
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_whole(path: Path, content: str) -> None:
    """Write a file in place of the one that is there."""
    with whole_file(path) as file:
        file.write(content.encode())


def write_once(path: Path, content: str) -> None:
    """Write a file unless there is one."""
    if not path.exists():
        with whole_file(path, once=True) as file:
            file.write(content.encode())
