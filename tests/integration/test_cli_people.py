"""`noteyard user …` over a real database."""

import json
import re
from pathlib import Path

from noteyard.passwords import verify
from noteyard.store import Database
from noteyard.store.people import get_account

from tests.support.command import noteyard
from tests.support.ports import free_port

PASSWORD = "correct horse battery"


def test_adding_and_listing(tmp_path: Path) -> None:
    assert "There is nobody yet" in noteyard(tmp_path, "user", "list")
    added = ["user", "add", "ada", "--admin", "--group", "science", "--group", "ops", "--password-stdin"]
    assert noteyard(tmp_path, *added, stdin=f"{PASSWORD}\n") == "Added ada, an administrator.\n"
    database = Database(f"sqlite:///{tmp_path / 'db' / 'noteyard.sqlite'}")
    with database.read() as session:
        account = get_account(session, "ada")
        assert verify(PASSWORD, account.password_hash) and account.must_change_password
    database.close()
    (row,) = json.loads(noteyard(tmp_path, "user", "list", "--json"))
    assert (row["name"], row["admin"], row["groups"]) == ("ada", True, ["ops", "science"])
    assert re.search(r"ada +yes +ops, science +never", noteyard(tmp_path, "user", "list"))


def test_a_password_is_made_where_nobody_can_be_asked(tmp_path: Path) -> None:
    said = noteyard(tmp_path, "user", "add", "bob")
    match = re.fullmatch(r"Added bob\.\nTheir first password, shown this once: (\S{17})\n", said)
    assert match is not None
    assert match[1] not in (tmp_path / "db" / "noteyard.sqlite").read_bytes().decode("latin-1")


def test_the_life_of_a_person(tmp_path: Path) -> None:
    for name in ("root", "eve"):
        noteyard(tmp_path, "user", "add", name, "--admin")
    assert noteyard(tmp_path, "user", "groups", "eve", "b", "a") == "eve is in a, b.\n"
    assert noteyard(tmp_path, "user", "groups", "eve") == "eve is in no group.\n"
    assert noteyard(tmp_path, "user", "admin", "eve", "--off") == "eve is no longer an administrator.\n"
    assert "eve has a new password.\n" in noteyard(tmp_path, "user", "password", "eve")
    assert "Disabled eve." in noteyard(tmp_path, "user", "disable", "eve")
    assert "disabled" in noteyard(tmp_path, "user", "list")
    assert noteyard(tmp_path, "user", "enable", "eve") == "Enabled eve.\n"
    assert "Add --yes" in noteyard(tmp_path, "user", "remove", "eve", code=1)
    assert noteyard(tmp_path, "user", "remove", "eve", "--yes") == "Removed eve.\n"
    assert "eve " not in noteyard(tmp_path, "user", "list")
    assert "removed" in noteyard(tmp_path, "user", "list", "--removed")


def test_purging_says_beforehand_what_goes_and_is_for_removed_people_alone(tmp_path: Path) -> None:
    for name in ("root", "eve"):
        noteyard(tmp_path, "user", "add", name, "--admin")
    assert "'eve' has not been removed; only what removed people left behind can be purged. Transfer what others" in (
        noteyard(tmp_path, "user", "purge", "eve", "--yes", code=1)
    )
    noteyard(tmp_path, "user", "remove", "eve", "--yes")
    home = tmp_path / "homes" / "eve"
    home.mkdir(parents=True)
    (home / "notes.txt").write_text("mine")
    said = "For good, of eve's, goes: 1 file in their own folder and personal S3 data, 4 Bytes.\n"
    refused = noteyard(tmp_path, "user", "purge", "eve", code=1)
    assert refused == f"{said}Purging 'eve' can't be undone, and nobody can be asked here. Add --yes.\n"
    assert "removed" in noteyard(tmp_path, "user", "list", "--removed")
    done = noteyard(tmp_path, "user", "purge", "eve", "--yes")
    assert done == f"{said}What eve left is being deleted; where Noteyard does not run, at its next start.\n"
    assert "being purged" in noteyard(tmp_path, "user", "list", "--removed")


def test_refusals_are_one_sentence_with_a_hint(tmp_path: Path) -> None:
    assert noteyard(tmp_path, "user", "disable", "nobody", code=1) == (
        "There is no person named 'nobody'. See them all with `noteyard user list`.\n"
    )
    noteyard(tmp_path, "user", "add", "ada", "--admin")
    assert noteyard(tmp_path, "user", "remove", "ada", "--yes", code=1) == (
        "'ada' is the only administrator. Make somebody else an administrator first.\n"
    )
    assert "password: must have at least 10 characters" in noteyard(
        tmp_path, "user", "add", "eve", "--password-stdin", stdin="short\n", code=1
    )
    assert "can't be a person's name" in noteyard(tmp_path, "user", "add", "Eve!", code=1)
    assert "There is already a person named 'ada'" in noteyard(tmp_path, "user", "add", "ada", code=1)


def test_a_mistake_in_the_settings_is_named(tmp_path: Path) -> None:
    (tmp_path / "noteyard.yaml").write_text("port: eighty\n")
    said = noteyard(tmp_path, "user", "list", code=1)
    assert said.startswith(f"Settings can't be used ({tmp_path}/noteyard.yaml): port: 'eighty' can't be used")


def test_a_database_that_can_not_be_used_is_told_in_a_sentence(tmp_path: Path) -> None:
    damaged = tmp_path / "db" / "noteyard.sqlite"
    damaged.parent.mkdir()
    damaged.write_bytes(b"no database at all" * 100)
    said = noteyard(tmp_path, "user", "list", code=1)
    assert said.startswith(f"The database {damaged} can't be used: file is not a database. Look whether this account")
    assert damaged.read_bytes() == b"no database at all" * 100

    nobody = f"postgresql+psycopg://noteyard:hidden@127.0.0.1:{free_port()}/noteyard"
    (tmp_path / "noteyard.yaml").write_text(f"database_url: {nobody}\n")
    said = noteyard(tmp_path, "user", "list", code=1)
    assert said.startswith("The database can't be used: connection failed: ")
    assert "Connection refused" in said and "Correct database_url" in said
    assert "hidden" not in said and "Traceback" not in said
