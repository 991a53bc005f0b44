"""What the system says of files and folders, as a sentence with a next step."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from noteyard.errors import NoteyardError

RIGHTS = "Give this account the rights there, or choose another place."
ROOM = "Make room there, and start it again."
FOLDER = "There is a file where a folder is needed: move it away, or choose another place."
STEPS = {
    errno.EACCES: RIGHTS,
    errno.EPERM: RIGHTS,
    errno.EROFS: "It is mounted for reading only: mount it for writing, or choose another place.",
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
    errno.EFBIG: "Its file system or a limit (ulimit -f) allows no larger file: raise it, or choose another place.",
    errno.EBUSY: "A mount point can't be moved: name a folder below it, or mount the folder above it instead.",
    errno.ENOTDIR: FOLDER,
    errno.EEXIST: FOLDER,
    errno.EIO: "The disk may be failing: the system's log (dmesg) says more.",
}
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What only files meet; the system names none of them."""


@contextmanager
def telling(what: str | None = None) -> Iterator[None]:
    """Raise NoteyardError for what the system refuses: `what` can't be done, why, where, and what to do next.

    Errors for which there is no next step, or that have to do with no file, stay as they are.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in STEPS or not (what or error.filename or error.errno in FULL):
            raise
        raise _in_words(error, error.errno, what) from None


def _in_words(error: OSError, code: int, what: str | None) -> NoteyardError:
    reason = os.strerror(code).lower()
    if what is None:
        what = f"{error.filename} can't be used" if error.filename else "A file can't be written"
    elif error.filename:
        reason += f" ({error.filename})"
    return NoteyardError(f"{what}: {reason}.", STEPS[code])
