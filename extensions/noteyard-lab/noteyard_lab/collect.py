"""The files of a release, collected where they lie: the notebook, the local modules it imports, and what was listed.

Paths in a release are relative to its root folder: the notebook's own folder, or a folder above it that was chosen.
Nothing outside the root is ever taken, not through a symbolic link either, and nothing hidden unless it was listed.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import re
import stat
import sysconfig
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NoReturn

from noteyard_lab.used_code import (
    Import,
    UnreadableNotebookError,
    UsedCode,
    read_notebook,
    used_by_module,
    used_by_notebook,
    without_outputs,
)

UNFIT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f"\\]')
LEFT_OUT_FOLDERS = frozenset({"__pycache__"})


class CollectError(Exception):
    """The files can't be collected: `message` says which and why, `hint` what to do."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message if hint is None else f"{message} {hint}")
        self.message = message
        self.hint = hint


@dataclass(frozen=True)
class CollectedFile:
    """One file of a release: its path in it, size in bytes, SHA-256 in hexadecimal, and where its content is."""

    path: str
    size: int
    sha256: str
    source: Path
    content: bytes | None = field(default=None, repr=False)

    def open(self) -> BinaryIO:
        """The content that has this digest, unless the file was changed since."""
        return self.source.open("rb") if self.content is None else BytesIO(self.content)


@dataclass(frozen=True)
class Collection:
    """A release's files, sorted by path, the notebook's path among them, and notes for whoever collected them."""

    notebook: str
    files: tuple[CollectedFile, ...]
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes altogether."""
        return sum(file.size for file in self.files)


def collect(notebook: Path, *, root: Path | None = None, patterns: Sequence[str] = ()) -> Collection:
    """Collect `notebook` and what it needs.

    The notebook goes without its outputs. Modules beside it that its code imports, and what those import, are found by
    themselves, as are files it names in `%run`. `patterns` are relative to `root` (`data/*.csv`, `data/**/*.json`, a
    folder). Raises CollectError.
    """
    if not notebook.is_file():
        raise _missing(notebook)
    folder = (notebook.parent if root is None else root).resolve()
    if not folder.is_dir():
        raise CollectError(f"The root {str(root)!r} is not a folder.", "Name a folder above the notebook.")
    place = notebook.parent.resolve() / notebook.name
    if not place.is_relative_to(folder):
        raise CollectError(f"The notebook {str(notebook)!r} is not inside the root {str(root)!r}.")
    collector = _Collector(folder, place)
    collector.add_notebook(place)
    for pattern in patterns:
        collector.add_listed(pattern)
    return collector.collection()


def open_notebook(notebook: Path) -> dict[str, object]:
    """The notebook's document as it stands in the file; raises CollectError."""
    try:
        return read_notebook(notebook.read_bytes())
    except (FileNotFoundError, IsADirectoryError):
        raise _missing(notebook) from None
    except OSError as error:
        _unreadable(error)
    except UnreadableNotebookError as error:
        raise CollectError(
            f"{notebook.name} is not a notebook: {error}.",
            "Open it in JupyterLab and save it again, or name another file.",
        ) from None


def environment_digest() -> str:
    """SHA-256 over the environment's packages, as sorted lines `name==version`.

    Packages in the person's own folder do not count: runs and dashboards don't see them.
    """
    folders = list(dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib")))
    lines = set()
    for distribution in importlib.metadata.distributions(path=folders):
        name = re.sub(r"[-_.]+", "-", str(distribution.metadata["Name"])).lower()
        lines.add(f"{name}=={distribution.version}")
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()


class _Collector:
    def __init__(self, root: Path, notebook: Path) -> None:
        self.root = root
        self.notebook = notebook
        self.files: dict[str, CollectedFile] = {}
        self.notes: dict[str, None] = {}

    def collection(self) -> Collection:
        files = tuple(self.files[path] for path in sorted(self.files))
        return Collection(self._inside(self.notebook), files, tuple(self.notes))

    def add_notebook(self, place: Path) -> None:
        path = self._inside(place)
        if path in self.files:
            return
        self._regular(place, path)
        document = open_notebook(place)
        content = without_outputs(document)
        self.files[path] = CollectedFile(path, len(content), hashlib.sha256(content).hexdigest(), place, content)
        self._follow(used_by_notebook(document), place)

    def add_listed(self, pattern: str) -> None:
        """Add what matches a pattern; a folder stands for all the files in it."""
        if PurePosixPath(pattern).is_absolute() or ".." in PurePosixPath(pattern).parts:
            raise CollectError(
                f"The pattern {pattern!r} leads out of {self.root}.",
                "Patterns are relative to the notebook's folder; choose a folder above it with --root.",
            )
        matches = self._matches(pattern)
        allowed = [part for part in PurePosixPath(pattern).parts if part.startswith(".")]
        found = [file for match in matches for file in self._files_of(match, allowed)]
        if not found:
            raise CollectError(
                f"No file matches {pattern!r} in {self.root}.",
                "Patterns are relative to the notebook's folder (or --root); hidden files need their dot: '.config/*'.",
            )
        for place in found:
            self._add(place)

    def _matches(self, pattern: str) -> list[Path]:
        if not pattern:
            return []
        # A name may hold what is special in a pattern, and `.` is none that Python's glob takes.
        if os.path.lexists(self.root / pattern):
            return [self.root / pattern]
        try:
            return sorted(self.root.glob(pattern))
        except (ValueError, NotImplementedError) as error:
            raise CollectError(f"The pattern {pattern!r} can't be used: {error}.") from None

    def _files_of(self, match: Path, allowed: Sequence[str]) -> Iterator[Path]:
        if not _shown(match.relative_to(self.root).parts, allowed):
            return
        if not match.is_dir():
            yield match
            return
        self._regular(match, self._inside(match), folder=True)
        for parent, folders, names in os.walk(match, onerror=_unreadable):
            here = Path(parent)
            folders[:] = sorted(name for name in folders if _shown((name,), allowed) and name not in LEFT_OUT_FOLDERS)
            for name in folders:
                if (here / name).is_symlink():
                    self.notes[f"{self._inside(here / name)} is a link to a folder and was left out."] = None
            yield from (here / name for name in sorted(names) if _shown((name,), allowed))

    def _add(self, place: Path) -> bool:
        path = self._inside(place)
        if path in self.files:
            return False
        self._regular(place, path)
        try:
            with place.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").hexdigest()
                size = stream.tell()
        except OSError as error:
            _unreadable(error)
        self.files[path] = CollectedFile(path, size, digest, place)
        return True

    def _follow(self, used: UsedCode, user: Path) -> None:
        self.notes |= dict.fromkeys(used.notes)
        for wanted in used.imports:
            for module in self._modules_of(wanted, user):
                self._add_module(module)
        for name in used.ran:
            place = self.notebook.parent / name
            if not place.suffix:
                place = place.with_suffix(".py")
            if not place.is_file():
                self.notes[f"%run {name}: there is no such file beside the notebook."] = None
            elif place.suffix == ".ipynb":
                self.add_notebook(place)
            else:
                self._add_module(place)

    def _add_module(self, place: Path) -> None:
        if self._add(place) and place.suffix == ".py":
            text = place.read_bytes().decode("utf-8", "replace")
            self._follow(used_by_module(text, self._inside(place)), place)

    def _modules_of(self, wanted: Import, user: Path) -> Iterator[Path]:
        # A kernel's sys.path begins with the notebook's folder; relative imports begin at the module's.
        folder = self.notebook.parent if wanted.level == 0 else user.parent
        for _ in range(wanted.level - 1):
            folder = folder.parent
        if not folder.resolve().is_relative_to(self.root):
            return
        for part in wanted.module.split(".") if wanted.module else []:
            if not part.isidentifier():
                return
            found = list(_module_files(folder, part))
            yield from found
            folder = folder / part
            if found or not folder.is_dir():
                return
        for name in wanted.names:
            if name != "*":
                yield from _module_files(folder, name)

    def _inside(self, place: Path) -> str:
        """The path in the release; raises CollectError when it would lie outside or has an unfit name."""
        plain = Path(os.path.normpath(place))
        if not plain.is_relative_to(self.root):
            raise CollectError(
                f"{str(place)!r} is outside {self.root}.", "Choose a folder above both with --root, or copy the file."
            )
        path = plain.relative_to(self.root).as_posix()
        if UNFIT_IN_NAMES.search(path) or any("\ud800" <= letter <= "\udfff" for letter in path):
            shown = path.encode("unicode_escape").decode()
            raise CollectError(
                f"The file name '{shown}' has characters that a release can't have.",
                "Rename it: no quotation marks, backslashes, control characters or bytes that are not UTF-8.",
            )
        return path

    def _regular(self, place: Path, path: str, *, folder: bool = False) -> None:
        """Refuse what leaves the root through a link, and what is neither file nor folder (a pipe would never end)."""
        try:
            real = place.resolve(strict=True)
            mode = real.stat().st_mode
        except (OSError, RuntimeError):
            raise CollectError(f"{path} is a link that leads nowhere.", "Remove it or leave it out.") from None
        if not real.is_relative_to(self.root):
            raise CollectError(
                f"{path} is a link that leads out of {self.root}, to {real}.",
                "Copy the file into the folder, choose a folder above both with --root, or read it from S3.",
            )
        if not (stat.S_ISDIR(mode) if folder else stat.S_ISREG(mode)):
            raise CollectError(f"{path} is not a regular file.", "Only files can be part of a release.")


def _missing(notebook: Path) -> CollectError:
    return CollectError(f"There is no notebook {str(notebook)!r}.", "Check the path, relative to where you are.")


def _unreadable(error: OSError) -> NoReturn:
    raise CollectError(f"{error.filename!r} can't be read: {error.strerror}.") from None


def _module_files(folder: Path, name: str) -> Iterator[Path]:
    """The module's file, or every Python file of the package, as packages also import by computed names."""
    package = folder / name
    if (package / "__init__.py").is_file():
        for parent, folders, names in os.walk(package):
            folders[:] = sorted(item for item in folders if _shown((item,), ()) and item not in LEFT_OUT_FOLDERS)
            yield from (Path(parent) / item for item in sorted(names) if item.endswith(".py"))
    elif (folder / f"{name}.py").is_file():
        yield folder / f"{name}.py"


def _shown(parts: Sequence[str], allowed: Sequence[str]) -> bool:
    """Whether no part of a path is hidden, save those that a pattern names with their dot."""
    return all(
        not part.startswith(".") or any(part == mark or fnmatchcase(part, mark) for mark in allowed) for part in parts
    )
