"""From a notebook on this computer to a release and values for its parameters."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from noteyard_lab.yard.api import Api, Json
from noteyard_lab.yard.errors import ExitCode, YardError
from noteyard_lab.yard.options import ReleaseOptions
from noteyard_lab.yard.screen import Screen
from noteyard_lab.yard.times import size

if TYPE_CHECKING:
    from noteyard_lab.collect import CollectedFile, Collection


def make_release(api: Api, options: ReleaseOptions, screen: Screen) -> Json:
    """Collect the notebook's files and store them; the release as the API answers. Raises YardError.

    Says which of the person's schedules go on with an older one, and how to move them.
    """
    collection = collected(options.notebook, options.root, options.files)
    for note in collection.notes:
        screen.note("! ", note)
    screen.note(f"{_counted(len(collection.files), 'file')}, {size(collection.size)}")
    profile = options.profile or os.environ.get("NOTEYARD_PROFILE") or None
    manifest = {
        "notebook": collection.notebook,
        "profile": profile,
        "environment_digest": _digest(profile),
        "files": [{"path": file.path, "sha256": file.sha256, "size": file.size} for file in collection.files],
    }
    with screen.bytes_bar("Sending", collection.size) as bar:
        parts = [("file", (file.path, _Part(file, bar.advance))) for file in collection.files]
        answer = api.send("POST", "/releases", data={"manifest": json.dumps(manifest)}, files=parts)
    release: Json = answer.json()
    for note in release.get("notes", ()):
        screen.note("! parameters cell, line ", str(note["line"]), ": ", str(note["message"]))
    for schedule in api.items("/schedules", mine=True):
        if schedule["newest_release"] == release["id"] != schedule["release"]:
            screen.note(
                f"! Schedule {schedule['name']} goes on with an older release of {schedule['notebook']}. "
                f"Move it to this one: yard schedule move {schedule['id']}"
            )
    return release


def parameter_values(api: Api, notebook: Path, assignments: Sequence[str]) -> Json:
    """Values for `name=value` texts, read by the types that the notebook declares. Raises YardError.

    The API reads them, as it does for forms and links, so that the same text means the same everywhere.
    """
    texts = [assignment(text) for text in assignments]
    if not texts:
        return {}
    values: Json = inspect(api, notebook, texts)["values"]
    return values


def tell_left_out(names: Sequence[str], screen: Screen) -> None:
    """Say which values of before were left out, as the notebook no longer has their parameters."""
    if names:
        screen.note(f"! The notebook no longer takes {', '.join(names)}; what was set for it is left out.")


def inspect(api: Api, notebook: Path, texts: Sequence[tuple[str, str]] = ()) -> Json:
    """What the API reads in the notebook: `schema`, `notes`, and `values` for (name, text) pairs."""
    from noteyard_lab.collect import CollectError, open_notebook
    from noteyard_lab.used_code import without_outputs

    try:
        document = json.loads(without_outputs(open_notebook(notebook)))
    except CollectError as error:
        raise YardError(error.message, error.hint) from None
    answer: Json = api.post("/parameters/inspect", {"notebook": document, "texts": [list(pair) for pair in texts]})
    return answer


def assignment(text: str) -> tuple[str, str]:
    """Name and text of `name=text`; raises YardError."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise YardError(
            f"-p {text!r} is not NAME=VALUE.",
            "Write for instance -p day=2026-11-22, in quotes when the value has spaces.",
            code=ExitCode.USAGE,
        )
    return name.strip(), value


def collected(notebook: Path, root: Path | None, patterns: Sequence[str]) -> Collection:
    """The notebook's files; raises YardError."""
    from noteyard_lab.collect import CollectError, collect

    try:
        return collect(notebook, root=root, patterns=patterns)
    except CollectError as error:
        raise YardError(error.message, error.hint) from None


def _digest(profile: str | None) -> str | None:
    from noteyard_lab.collect import environment_digest

    # Only inside a lab is this the environment that the release will run in.
    here = os.environ.get("NOTEYARD_PROFILE")
    return environment_digest() if here and profile == here else None


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


class _Part(io.RawIOBase):
    """A collected file that is opened when it is its turn, so that thousands need no more than one open file."""

    def __init__(self, file: CollectedFile, advance: Callable[[int], Any]) -> None:
        self._file, self._advance = file, advance
        self._stream: BinaryIO | None = None
        self._sent = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return 0 if self._stream is None else self._stream.tell()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """To the beginning, or tell the size, as one does who wants to know the length."""
        if self._stream is not None:
            return self._stream.seek(offset, whence)
        return self._file.size if whence == os.SEEK_END else offset

    def read(self, count: int = -1) -> bytes:
        try:
            if self._stream is None:
                self._stream = self._file.open()
            piece = self._stream.read(count)
        except OSError as error:
            raise YardError(f"{self._file.path} can't be read any more: {error.strerror}.") from None
        self._sent += len(piece)
        if self._sent > self._file.size or (not piece and self._sent < self._file.size):
            raise YardError(f"{self._file.path} changed while it was sent.", "Try again when nothing writes to it.")
        if not piece:
            self._stream.close()
        self._advance(len(piece))
        return piece
