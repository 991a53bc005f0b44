"""How much room a person's home has left, and how a lab starts in one that has none.

JupyterLab writes into the home before it answers: folders of settings, a database of signatures, the environment of
one's own packages. In a home that is full it would end at once, and nobody could delete anything. So these then go to a
temporary folder, and the lab says why.
"""

import errno
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

PROBE_BYTES = 64 * 1024
"""What must fit into a home that is not full: about what a start and a save of a notebook write."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
NEARLY = 0.05
NEARLY_BYTES = 1024**3
"""A home is nearly full with less than this share free, when that is less than this much."""
RESCUED = "NOTEYARD_RESCUED"
SECONDS = 60


@dataclass(frozen=True)
class HomeSpace:
    """Bytes; `sentence` is what the person is told, empty when there is nothing to tell."""

    total: int
    free: int
    full: bool
    rescue: bool
    sentence: str


_last: tuple[float, HomeSpace] | None = None


def look_now_and_then() -> HomeSpace:
    """The state of this lab's home, a minute old at most: a look writes a file."""
    global _last
    if _last is None or time.monotonic() - _last[0] > SECONDS:
        _last = (time.monotonic(), look(Path.home(), os.environ.get(RESCUED)))
    return _last[1]


def look(home: Path, rescued: str | None = None) -> HomeSpace:
    """The state of a home; in rescue mode that of the folder `rescued`."""
    folder = Path(rescued) if rescued else home
    found = os.statvfs(folder)
    total, free = found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
    full = not has_room(folder)
    return HomeSpace(total, free, full, rescued is not None, _sentence(folder, total, free, full, rescued is not None))


def has_room(folder: Path) -> bool:
    """Whether a small file can still be written; quotas show in no figure. Raises OSError when for another reason."""
    probe = folder / f".noteyard-{uuid4().hex}"
    try:
        with probe.open("xb") as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        return False
    finally:
        probe.unlink(missing_ok=True)
    return True


def substitutes() -> dict[str, str]:
    """Variables that keep JupyterLab and kernels from writing into a home that is full."""
    folder = Path(tempfile.mkdtemp(prefix="noteyard-full-home-"))
    return {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
    }


def _sentence(folder: Path, total: int, free: int, full: bool, rescue: bool) -> str:
    # Without figures that change all the time: another sentence is shown as another notice.
    if rescue:
        return (
            f"Rescue start: your home is in the folder {folder.name}. Delete or mend what you need to there, then stop "
            "your lab and start it as usual. Nothing outside of that folder is kept."
        )
    if full:
        return (
            f"Your home is full ({_size(total)}): nothing more can be saved. Delete files that you no longer need; "
            "what is deleted here is gone at once. Settings and packages of your own are back after the next start."
        )
    if free < min(NEARLY * total, NEARLY_BYTES):
        return f"Your home ({_size(total)}) is nearly full. Delete what you no longer need."
    return ""


def _size(bytes: int) -> str:
    for unit, size in (("GiB", 1024**3), ("MiB", 1024**2)):
        if bytes >= size:
            return f"{bytes / size:.0f} {unit}" if bytes >= 100 * size else f"{bytes / size:.3g} {unit}"
    return f"{bytes // 1024} KiB"
