"""A release's files, fetched into a folder: each one checked by its digest, none outside the folder."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Self

from noteyard_lab.hub_client import HubClient

TRIES = 3


class ReleaseError(Exception):
    """A release's files can't be used as they are; the text says which file and why."""


class ReleaseFile:
    """One file of a release: its path inside the release, its SHA-256 as hexadecimal digits, its size in bytes."""

    def __init__(self, path: str, sha256: str, size: int) -> None:
        self.path, self.sha256, self.size = path, sha256, size

    @classmethod
    def parse(cls, given: Mapping[str, object]) -> Self:
        """From `{"path", "sha256", "size"}` as the hub side sends it."""
        return cls(str(given["path"]), str(given["sha256"]).lower(), int(str(given["size"])))


def place_in(folder: Path, path: str) -> Path:
    """Where a release's path lies in `folder`; raises ReleaseError when it would lie elsewhere."""
    pure = PurePosixPath(path)
    if not path or "\0" in path or "\\" in path or pure.is_absolute() or ".." in pure.parts or not pure.parts:
        raise ReleaseError(f"The release has a file at {path!r}, which is not a path inside the release.")
    target = folder.joinpath(*pure.parts)
    if not target.parent.resolve().is_relative_to(folder.resolve()):
        raise ReleaseError(f"The release has a file at {path!r}, which leads out of the release's folder.")
    return target


def fetch_release(client: HubClient, files_path: str, files: Sequence[ReleaseFile], folder: Path) -> None:
    """Fetch each file from `<files_path>/<sha256>` into `folder`, fetching equal contents once.

    Raises ReleaseError when a path leads out of the folder or a content never fits its digest.
    """
    fetched: dict[str, Path] = {}
    for file in files:
        target = place_in(folder, file.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise ReleaseError(f"The release has two files at {file.path!r}.")
        if file.sha256 in fetched:
            shutil.copyfile(fetched[file.sha256], target)
        else:
            _fetch_one(client, f"{files_path}/{file.sha256}", file, target)
            fetched[file.sha256] = target


def _fetch_one(client: HubClient, address: str, file: ReleaseFile, target: Path) -> None:
    def keep(pieces: Iterator[bytes]) -> str:
        digest = hashlib.sha256()
        with target.open("wb") as output:
            for piece in pieces:
                digest.update(piece)
                output.write(piece)
        return digest.hexdigest()

    for _ in range(TRIES):
        if client.download(address, keep) == file.sha256:
            return
    target.unlink()
    raise ReleaseError(
        f"The release's file {file.path!r} does not have the content it was stored with: its digest differs. "
        "Make the release again from the notebook."
    )
