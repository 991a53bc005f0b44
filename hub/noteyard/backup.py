"""An installation in one file, and back.

A backup is a tar file, gzipped: `manifest.json` first, then copies of both databases made by SQLite's backup (whole and
of one moment, whoever writes meanwhile), then objects, S3 data, homes, secrets and noteyard.yaml. The databases come
first: what their rows name is written before the rows are, so it is in the folders that follow. Files that vanish
meanwhile are left out; files that are written to while they are copied are copied again.
"""

import gzip
import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path, PurePosixPath

from noteyard import __version__
from noteyard.errors import Conflict, NoteyardError
from noteyard.file_errors import telling
from noteyard.instance import Instance
from noteyard.settings_file import FILE_NAME
from noteyard.whole_files import whole_file

FORMAT = 1
MANIFEST = "manifest.json"
DATABASES = ("noteyard.sqlite", "hub.sqlite")
FOLDERS = ("objects", "s3", "homes", "secrets")
TRIES = 3
CHUNK = 1024 * 1024
COMPRESSION = 3
"""Notebooks and tables shrink as much at 3 as at 9, in a third of the time."""


@dataclass(frozen=True)
class Manifest:
    """What a backup file says of itself; `state` is where the installation was: links into it are bent on restore."""

    format: int
    version: str
    made: str
    state: str


def write_backup(instance: Instance, target: Path) -> int:
    """Write a backup, whole or not at all; returns its size in bytes. The file is 0600: it holds all secrets."""
    manifest = Manifest(FORMAT, __version__, datetime.now(UTC).isoformat(), str(instance.state))
    with (
        telling(f"The backup {target} can't be written"),
        whole_file(target) as file,
        tarfile.open(fileobj=file, mode="w:gz", compresslevel=COMPRESSION) as archive,
    ):
        _add_bytes(archive, MANIFEST, json.dumps(asdict(manifest), indent=1).encode())
        for name in DATABASES:
            _add_database(archive, instance.state / "db" / name)
        for name in FOLDERS:
            _add_folder(archive, instance.state, name)
        if (instance.state / FILE_NAME).exists():
            archive.add(instance.state / FILE_NAME, FILE_NAME)
    return target.stat().st_size


def read_manifest(source: Path) -> Manifest:
    """What a backup file says of itself. Raises NoteyardError when it is none, or a newer Noteyard's."""
    try:
        with telling(f"{source} can't be read"), tarfile.open(source, "r:gz") as archive:
            first = archive.next()
            content = archive.extractfile(first) if first is not None and first.name == MANIFEST else None
            manifest = Manifest(**json.load(content)) if content is not None else None
    except FileNotFoundError:
        raise NoteyardError(f"There is no file {source}.") from None
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, TypeError):
        manifest = None
    if manifest is None:
        raise NoteyardError(f"{source} is not a backup of Noteyard's.", "Backups are made with: noteyard backup FILE")
    if manifest.format > FORMAT:
        raise NoteyardError(
            f"{source} was made by Noteyard {manifest.version}, whose backups this one ({__version__}) can't read.",
            "Restore it with that version or a newer one.",
        )
    return manifest


def restore_backup(source: Path, state: Path, *, force: bool = False) -> Path | None:
    """Put a backup in place of a state folder, whole or not at all; returns where what was there before is kept.

    Raises Conflict for a folder that is not empty, without `force`, and NoteyardError for a file that is damaged.
    """
    manifest = read_manifest(source)
    with telling(f"{source} can't be restored to {state}, and nothing was changed"):
        occupied = state.exists() and any(state.iterdir())
        if occupied and not force:
            raise Conflict(
                f"The state folder {state} is not empty.",
                "Name another with --state, or add --force: what is there now is kept beside it, under another name.",
            )
        _check_whole(source)
        return _put_in_place(source, Path(manifest.state), state)


def _put_in_place(source: Path, before: Path, state: Path) -> Path | None:
    state.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{state.name}.restoring-", dir=state.parent))
    try:
        _extract(source, fresh, before, state)
        _check_databases(fresh)
        return _swap(fresh, state)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _check_whole(source: Path) -> None:
    # gzip's checksum, which tells a changed bit, lies at the end, and tarfile stops reading before it.
    try:
        with gzip.open(source) as content:
            while content.read(CHUNK):
                pass
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise _damaged(source, error) from None


def _damaged(source: Path, error: Exception) -> NoteyardError:
    return NoteyardError(f"{source} is damaged: {error}.", "Nothing was changed; try another backup.")


def _swap(fresh: Path, state: Path) -> Path | None:
    kept = None
    if state.exists():
        if any(state.iterdir()):
            kept = _free_name(state)
            state.rename(kept)
        else:
            state.rmdir()
    fresh.rename(state)
    return kept


def _free_name(state: Path) -> Path:
    name = f"{state.name}.before-restore-{datetime.now():%Y%m%d-%H%M%S}"
    numbered = (f"{name}-{number}" for number in count(2))
    return next(path for path in map(state.with_name, chain([name], numbered)) if not path.exists())


def _extract(source: Path, fresh: Path, before: Path, state: Path) -> None:
    def bend(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo | None:
        # Homes have links to people's S3 folders by absolute path.
        if member.issym() and PurePosixPath(member.linkname).is_relative_to(before):
            linked = state / PurePosixPath(member.linkname).relative_to(before)
            member = member.replace(linkname=str(linked), deep=False)
        return tarfile.tar_filter(member, path)

    try:
        with tarfile.open(source, "r:gz") as archive:
            archive.extractall(fresh, filter=bend)
    except tarfile.TarError as error:
        raise _damaged(source, error) from None
    (fresh / MANIFEST).unlink()


def _check_databases(folder: Path) -> None:
    for name in DATABASES:
        path = folder / "db" / name
        if not path.exists():
            continue
        try:
            with closing(sqlite3.connect(path)) as database:
                answer = database.execute("PRAGMA quick_check").fetchone()[0]
        except sqlite3.DatabaseError as error:  # so damaged that it can't be checked
            answer = str(error)
        if answer != "ok":
            raise NoteyardError(f"The backup's database {name} is damaged: {answer}.", "Nothing was changed.")


def _add_database(archive: tarfile.TarFile, path: Path) -> None:
    if not path.exists():
        return
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".backup-") as folder:
        copy = Path(folder) / path.name
        try:
            with closing(sqlite3.connect(path, timeout=30)) as source, closing(sqlite3.connect(copy)) as target:
                source.backup(target)
        except sqlite3.Error as error:
            raise NoteyardError(
                f"The database {path} can't be copied: {error}.",
                f"The copy is made beside it: look whether there is room in {path.parent}.",
            ) from None
        copy.chmod(0o600)
        archive.add(copy, f"db/{path.name}")


def _add_folder(archive: tarfile.TarFile, state: Path, name: str) -> None:
    try:
        _add_paths(archive, state, name)
    except PermissionError as error:
        raise NoteyardError(
            f"{error.filename} can't be read by this account, and a backup without it would not be whole.",
            f"Make it readable (chmod -R u+rX {error.filename!r}) or remove it, and start the backup again.",
        ) from None


def _add_paths(archive: tarfile.TarFile, state: Path, name: str) -> None:
    for path in _walk(state / name):
        arcname = str(path.relative_to(state))
        try:
            member = archive.gettarinfo(path, arcname)
        except FileNotFoundError:
            continue
        if member is None:  # a socket
            continue
        if member.isreg():
            _add_file(archive, member, path)
        elif not member.isfifo():
            archive.addfile(member)


def _add_file(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    for _ in range(TRIES):
        try:
            with path.open("rb") as file:
                archive.addfile(member, _Padded(file, member.size))
            after = archive.gettarinfo(path, member.name)
        except FileNotFoundError:
            return
        if (after.size, after.mtime) == (member.size, member.mtime):
            return
        member = after  # written to meanwhile: once more, the last one counts


def _walk(folder: Path) -> Iterator[Path]:
    """The folder and all below it; links are not followed."""
    if not folder.is_dir():
        return
    yield folder
    for current, folders, files in os.walk(folder, onerror=_unless_gone):
        for name in sorted(folders + files):
            yield Path(current) / name


def _unless_gone(error: OSError) -> None:
    # Left out without a word, it would be missing in what is restored.
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(content), 0o600, int(time.time())
    archive.addfile(member, io.BytesIO(content))


class _Padded(io.RawIOBase):
    """A file as long as it was when its size was taken: cut when it has grown, filled with zeros when it has shrunk."""

    def __init__(self, file: io.BufferedReader, size: int) -> None:
        self.file, self.left = file, size

    def read(self, size: int = -1) -> bytes:
        wanted = self.left if size < 0 else min(size, self.left)
        content = self.file.read(wanted)
        self.left -= wanted
        return content.ljust(wanted, b"\0")
