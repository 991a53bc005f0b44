"""The folder behind the embedded S3, where Noteyard itself works on it: each sub-folder of the root is a bucket.

rclone reads and writes objects; deletes and folders are done here, because rclone deletes the file `a` when asked for
`a/b`, and takes `a/` for `a`. Links are never followed: what a person links into their data stays out of S3.
"""

import contextlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from noteyard.s3_names import RESERVED

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True)
class S3Folder:
    """Keys are those that `noteyard.s3_names` lets pass; a key that ends with a slash names a folder."""

    root: Path

    def obstacle(self, bucket: str, key: str) -> str | None:
        """Why `key` can't be written because of what is in the folder, as a sentence; None when it can."""
        *parents, name = key.removesuffix("/").split("/")
        with contextlib.ExitStack() as opened:
            at = opened.enter_context(self._bucket(bucket))
            path = ""
            for parent in parents:
                path += parent
                kind = _kind(parent, at)
                if kind is None:
                    return None
                if kind != "folder":
                    return f"{path!r} is a {kind}, so nothing can be stored below it."
                at = opened.enter_context(_folder(parent, at))
                path += "/"
            return _in_the_way(f"{path}{name}", _kind(name, at), "folder" if key.endswith("/") else "file")

    def exists(self, bucket: str, key: str) -> bool:
        """Whether there is a folder `key` (with its slash at the end)."""
        *parents, name = key.removesuffix("/").split("/")
        with contextlib.ExitStack() as opened:
            at = opened.enter_context(self._bucket(bucket))
            for parent in parents:
                if _kind(parent, at) != "folder":
                    return False
                at = opened.enter_context(_folder(parent, at))
            return _kind(name, at) == "folder"

    def make(self, bucket: str, key: str) -> None:
        """Make a folder and those above it; there is no `obstacle`."""
        (self.root / bucket / key).mkdir(parents=True, exist_ok=True)

    def delete(self, bucket: str, key: str) -> None:
        """Delete the file `key`, or the folder `key/` when no file is in it, and the folders above left empty by that.

        What does not exist is left at that, as S3 does. Raises OSError when the system refuses.
        """
        *parents, name = key.removesuffix("/").split("/")
        with contextlib.ExitStack() as opened:
            chain = [opened.enter_context(self._bucket(bucket))]
            for parent in parents:
                if _kind(parent, chain[-1]) != "folder":
                    return
                chain.append(opened.enter_context(_folder(parent, chain[-1])))
            kind = _kind(name, chain[-1])
            if key.endswith("/"):
                if kind != "folder" or not _remove_without_files(name, chain[-1]):
                    return
            elif kind == "file":
                os.unlink(name, dir_fd=chain[-1])
            else:
                return
            for parent in reversed(parents):
                chain.pop()
                if not _remove_empty(parent, chain[-1]):
                    return

    def _bucket(self, bucket: str) -> contextlib.AbstractContextManager[int]:
        """The bucket's folder, opened; a bucket that a key opens is there from its first use."""
        path = self.root / bucket
        path.mkdir(exist_ok=True)
        return _folder(path)

    def sweep(self, seconds: float) -> int:
        """Delete what uploads that were broken off left, untouched for `seconds`; how many files that were.

        A day is safe at any time, since no upload goes on for longer; 0 is safe while the S3 server is off.
        """
        swept = 0
        for folder, _, names in os.walk(self.root):
            for name in names:
                path = Path(folder, name)
                if name.startswith(RESERVED) and path.lstat().st_mtime <= time.time() - seconds:
                    path.unlink()
                    swept += 1
        return swept


def _in_the_way(path: str, kind: str | None, wanted: str) -> str | None:
    if kind in (None, wanted):
        return None
    return f"{path!r} is a {kind}: a folder and an object can't have the same name here."


@contextlib.contextmanager
def _folder(name: str | Path, at: int | None = None) -> Iterator[int]:
    descriptor = os.open(name, FOLDER, dir_fd=at)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _kind(name: str, at: int) -> str | None:
    try:
        mode = os.stat(name, dir_fd=at, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISREG(mode):
        return "file"
    return "link" if stat.S_ISLNK(mode) else "special file"


def _remove_without_files(name: str, at: int) -> bool:
    # rclone lists no empty folders, so that clients that delete a tree can't name the folders in it.
    folders = []
    for folder, inner, files, descriptor in os.fwalk(name, topdown=False, follow_symlinks=False, dir_fd=at):
        if files or any(_kind(entry, descriptor) == "link" for entry in inner):
            return False
        folders.append(folder)
    return all(_remove_empty(folder, at) for folder in folders)


def _remove_empty(name: str, at: int) -> bool:
    try:
        os.rmdir(name, dir_fd=at)
    except OSError:  # not empty, or gone by another request
        return False
    return True
