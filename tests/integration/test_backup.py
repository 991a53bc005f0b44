"""Backups: whole, consistent while somebody writes, restored whole or not at all."""

import errno
import io
import os
import resource
import shutil
import sqlite3
import tarfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from noteyard.backup import read_manifest, restore_backup, write_backup
from noteyard.errors import NoteyardError
from noteyard.instance import Instance
from noteyard.store import Database
from noteyard.store.migrate import migrate
from noteyard.store.people import create_person, list_people

from tests.support.command import noteyard


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    """A state folder with something of everything."""
    instance = Instance(tmp_path / "state")
    instance.make_secrets()
    with database(instance) as store, store.write() as session:
        create_person(session, "ada", None)
    (instance.objects / "releases").mkdir()
    (instance.objects / "releases" / "one").write_bytes(os.urandom(100_000))
    (instance.s3 / "team").mkdir()
    (instance.s3 / "team" / "data.csv").write_text("a,b\n1,2\n")
    home = instance.home("ada")
    (home / "notebook.ipynb").write_text("{}")
    (home / "script.sh").write_text("#!/bin/sh\n")
    (home / "script.sh").chmod(0o755)
    (home / "team").symlink_to(instance.s3 / "team")
    (home / "empty").mkdir()
    (instance.state / "noteyard.yaml").write_text("port: 9000\n")
    (instance.logs / "api.log").write_text("not to be kept")
    return instance


@contextmanager
def database(instance: Instance) -> Iterator[Database]:
    database = Database(instance.database_url)
    migrate(database, instance.run)
    yield database
    database.close()


def contents(state: Path) -> dict[str, bytes]:
    """Every file that a backup keeps, but the databases."""
    return {
        str(path.relative_to(state)): path.read_bytes()
        for folder in ("objects", "s3", "homes", "secrets")
        for path in (state / folder).rglob("*")
        if path.is_file()
    }


def test_there_and_back(instance: Instance, tmp_path: Path) -> None:
    file, other = tmp_path / "backup.tar.gz", tmp_path / "elsewhere" / "state"
    noteyard(instance.state, "backup", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    said = noteyard(other, "restore", str(file))
    assert said.startswith(f"Restored {other} as it was on ")
    assert contents(other) == contents(instance.state)
    assert (other / "noteyard.yaml").read_text() == "port: 9000\n"
    home = other / "homes" / "ada"
    assert (home / "script.sh").stat().st_mode & 0o777 == 0o755
    assert (home / "empty").is_dir()
    assert (home / "team").readlink() == other / "s3" / "team"
    assert other.stat().st_mode & 0o777 == 0o700
    assert (other / "secrets" / "internal").stat().st_mode & 0o777 == 0o600
    assert not (other / "logs").exists()
    with database(Instance(other)) as store, store.read() as session:
        assert [account.name for account, _ in list_people(session)] == ["ada"]


def test_a_backup_while_somebody_writes_is_of_one_moment(instance: Instance, tmp_path: Path) -> None:
    """Two rows that are always written together are both there or both not; files are whole."""
    stop = threading.Event()
    path = instance.state / "db" / "noteyard.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE pairs (n INTEGER, side TEXT)")

    def write() -> None:
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            number = 0
            while not stop.is_set():
                number += 1
                with connection:
                    connection.execute("INSERT INTO pairs VALUES (?, 'left')", (number,))
                    connection.execute("INSERT INTO pairs VALUES (?, 'right')", (number,))
                with (instance.s3 / "team" / "growing").open("ab") as file:
                    file.write(b"x" * 1000)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            write_backup(instance, tmp_path / f"{number}.tar.gz")
    finally:
        stop.set()
        writer.join()
    for number in range(3):
        state = tmp_path / f"restored-{number}"
        restore_backup(tmp_path / f"{number}.tar.gz", state)
        with closing(sqlite3.connect(state / "db" / "noteyard.sqlite")) as connection:
            left, right = (
                connection.execute("SELECT count(*) FROM pairs WHERE side = ?", (side,)).fetchone()[0]
                for side in ("left", "right")
            )
        assert left == right
        assert set((state / "s3" / "team" / "growing").read_bytes()) <= {ord("x")}


def test_what_can_not_be_read_ends_a_backup_in_words(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shut = instance.state / "homes" / "ada" / "shut.txt"
    shut.parent.mkdir(parents=True, exist_ok=True)
    shut.write_text("x")
    really = Path.open

    def refusing(path: Path, *words: Any, **options: Any) -> Any:
        # Root, as whom tests may run, is refused nothing.
        if path == shut:
            raise PermissionError(13, "Permission denied", str(path))
        return really(path, *words, **options)

    monkeypatch.setattr(Path, "open", refusing)
    target = tmp_path / "yard.tar.gz"
    with pytest.raises(NoteyardError) as refused:
        write_backup(instance, target)
    said = f"{shut} can't be read by this account, and a backup without it would not be whole."
    assert (refused.value.message, target.exists()) == (said, False)
    assert "start the backup again" in str(refused.value.hint)


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file gets larger: writing fails as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_no_room_for_a_backup_is_said_in_words(instance: Instance, tmp_path: Path) -> None:
    bare, target = Instance(tmp_path / "bare"), tmp_path / "yard.tar.gz"
    (bare.objects / "one").write_bytes(os.urandom(100_000))
    with room_for(50_000), pytest.raises(NoteyardError) as refused:
        write_backup(bare, target)
    assert refused.value.message == f"The backup {target} can't be written: file too large."
    assert "choose another place" in str(refused.value.hint)
    path = instance.state / "db" / "noteyard.sqlite"
    with room_for(20_000), pytest.raises(NoteyardError) as refused:
        write_backup(instance, target)
    assert refused.value.message.startswith(f"The database {path} can't be copied: ")
    assert refused.value.hint == f"The copy is made beside it: look whether there is room in {path.parent}."
    assert [entry.name for entry in tmp_path.iterdir() if "yard.tar" in entry.name] == []


def test_what_hinders_a_restore_is_not_taken_for_damage(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, state = tmp_path / "backup.tar.gz", tmp_path / "fresh"
    write_backup(instance, file)
    with room_for(20_000), pytest.raises(NoteyardError) as refused:
        restore_backup(file, state)
    assert refused.value.message == f"{file} can't be restored to {state}, and nothing was changed: file too large."
    below = file / "state"
    said = noteyard(below, "restore", str(file), code=1)
    assert said.startswith(f"{file} can't be restored to {below}, and nothing was changed: file exists ({file}). ")
    assert "There is a file where a folder is needed" in said
    before = contents(instance.state)

    def busy(path: Path, target: Path) -> Path:
        raise OSError(errno.EBUSY, "", str(path), None, str(target))

    monkeypatch.setattr(Path, "rename", busy)  # as a mount point does; mounting takes rights
    with pytest.raises(NoteyardError) as refused:
        restore_backup(file, instance.state, force=True)
    assert refused.value.message.endswith(f"nothing was changed: device or resource busy ({instance.state}).")
    assert str(refused.value.hint).startswith("A mount point can't be moved: name a folder below it")
    assert contents(instance.state) == before
    assert [path.name for path in tmp_path.iterdir() if "restor" in path.name] == []


def test_a_database_that_was_damaged_before_is_named(instance: Instance, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.tar.gz", tmp_path / "bad.tar.gz"
    write_backup(instance, good)
    with tarfile.open(good) as source, tarfile.open(bad, "w:gz") as target:
        for member in source:
            if member.name == "db/noteyard.sqlite":
                member.size = 0
            target.addfile(member, source.extractfile(member) if member.isreg() and member.size else None)
        member = tarfile.TarInfo("db/noteyard.sqlite")
        member.size = 5_000
        target.addfile(member, io.BytesIO(b"x" * member.size))
    with pytest.raises(NoteyardError, match=r"database noteyard\.sqlite is damaged: file is not a database\."):
        restore_backup(bad, tmp_path / "fresh")


def test_two_restores_in_one_second_keep_both(
    instance: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Still(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Still":
            return cls(2026, 11, 26, 12, 0, 0, tzinfo=tz)

    file = tmp_path / "backup.tar.gz"
    write_backup(instance, file)
    monkeypatch.setattr("noteyard.backup.datetime", Still)
    kept = [restore_backup(file, instance.state, force=True) for _ in range(3)]
    name = "state.before-restore-20261126-120000"
    assert kept == [tmp_path / name, tmp_path / f"{name}-2", tmp_path / f"{name}-3"]
    assert all(path is not None and (path / "homes" / "ada").is_dir() for path in kept)


def test_a_file_that_is_there_is_not_overwritten_unasked(instance: Instance, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    file.write_text("of yesterday")
    said = noteyard(instance.state, "backup", str(file), code=1)
    assert said == f"There is already a file {file}. Name another, or add --force: it is replaced then.\n"
    assert file.read_text() == "of yesterday"
    noteyard(instance.state, "backup", str(file), "--force")
    assert read_manifest(file).state == str(instance.state)
    assert f"{tmp_path} is a folder. Name a file" in noteyard(instance.state, "backup", str(tmp_path), code=1)


def test_a_folder_in_use_is_kept_beside(instance: Instance, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    write_backup(instance, file)
    said = noteyard(instance.state, "restore", str(file), code=1)
    assert said.startswith(f"The state folder {instance.state} is not empty.") and "--force" in said
    (instance.s3 / "team" / "later").write_text("kept")
    said = noteyard(instance.state, "restore", str(file), "--force")
    (kept,) = tmp_path.glob("state.before-restore-*")
    assert str(kept) in said
    assert (kept / "s3" / "team" / "later").exists()
    assert not (instance.s3 / "team" / "later").exists()


def test_a_damaged_file_changes_nothing(instance: Instance, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    write_backup(instance, file)
    file.write_bytes(file.read_bytes()[:-20_000])
    before = contents(instance.state)
    with pytest.raises(NoteyardError, match="is damaged"):
        restore_backup(file, instance.state, force=True)
    assert contents(instance.state) == before
    assert [path.name for path in tmp_path.iterdir() if "restor" in path.name] == []


def test_no_changed_bit_gets_in_place(instance: Instance, tmp_path: Path) -> None:
    good, bad, state = tmp_path / "good.tar.gz", tmp_path / "bad.tar.gz", tmp_path / "fresh"
    write_backup(instance, good)
    whole = good.read_bytes()
    refused = []
    for place in (*range(10, len(whole), len(whole) // 40), len(whole) - 1):  # 10: after gzip's header
        content = bytearray(whole)
        content[place] ^= 4
        bad.write_bytes(content)
        try:
            restore_backup(bad, state)
        except NoteyardError as error:
            refused.append(error.message)
            assert not state.exists(), place
        else:  # between gzip's blocks are bits that mean nothing
            assert contents(state) == contents(instance.state), place
            shutil.rmtree(state)
    assert len(refused) > 35
    assert any(message.startswith(f"{bad} is damaged: CRC check failed") for message in refused)


def test_what_can_not_be_unpacked_is_damaged(instance: Instance, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar.gz"
    write_backup(instance, file)
    content = bytearray(file.read_bytes())
    content[50_000:55_000] = b"\xff" * 5_000
    file.write_bytes(content)
    with pytest.raises(NoteyardError, match="is damaged: Error -3 while decompressing data: "):
        restore_backup(file, tmp_path / "fresh")
    assert not (tmp_path / "fresh").exists()


@pytest.mark.parametrize("content", [b"", b"hello", None])
def test_files_that_are_no_backups(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "file"
    if content is None:
        with tarfile.open(file, "w:gz") as archive:
            archive.add(__file__, "other")
    else:
        file.write_bytes(content)
    with pytest.raises(NoteyardError, match=r"is not a backup of Noteyard's"):
        read_manifest(file)
    assert "There is no file" in noteyard(tmp_path / "state", "restore", str(tmp_path / "none"), code=1)


def test_a_path_that_escapes_is_refused(instance: Instance, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.tar.gz", tmp_path / "bad.tar.gz"
    write_backup(instance, good)
    with tarfile.open(good) as source, tarfile.open(bad, "w:gz") as target:
        first = source.next()
        assert first is not None
        target.addfile(first, source.extractfile(first))
        member = tarfile.TarInfo("../escaped")
        target.addfile(member)
    with pytest.raises(NoteyardError, match="is damaged"):
        restore_backup(bad, tmp_path / "fresh")
    assert not (tmp_path / "escaped").exists() and not (tmp_path / "fresh").exists()


def test_a_backup_without_its_database_is_refused(instance: Instance, tmp_path: Path) -> None:
    (instance.state / "noteyard.yaml").write_text("database_url: postgresql+psycopg://db/yard\n")
    said = noteyard(instance.state, "backup", str(tmp_path / "b.tar.gz"), code=1)
    assert said.startswith("The database is not in the state folder (`database_url` is set)") and "pg_dump" in said
    noteyard(instance.state, "backup", str(tmp_path / "b.tar.gz"), "--without-database")
    assert "inside the state folder" in noteyard(
        instance.state, "backup", str(instance.state / "b"), "--without-database", code=1
    )


def test_a_backup_without_the_hubs_database_or_objects_is_refused(instance: Instance, tmp_path: Path) -> None:
    (instance.state / "noteyard.yaml").write_text(
        "hub_database_url: postgresql+psycopg://db/hub\nobjects: {url: 's3://noteyard/objects'}\n"
    )
    file = str(tmp_path / "b.tar.gz")
    said = noteyard(instance.state, "backup", file, code=1)
    assert said.startswith("JupyterHub's database is not in the state folder (`hub_database_url` is set)")
    said = noteyard(instance.state, "backup", file, "--without-database", code=1)
    assert said == (
        "Releases and outputs are in s3://noteyard/objects (`objects.url` is set), so this file would be without them. "
        "Back that up by its own means, after the databases, and add --without-objects.\n"
    )
    noteyard(instance.state, "backup", file, "--without-database", "--without-objects")
