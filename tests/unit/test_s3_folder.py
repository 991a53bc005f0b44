"""Deletes and folders, done on the folder behind the embedded S3."""

import os
from pathlib import Path

import pytest
from noteyard.backends.local.s3_folder import S3Folder


@pytest.fixture
def folder(tmp_path: Path) -> S3Folder:
    for path in ("team/a.txt", "team/d/e/f.txt", "team/d/g.txt", "other/secret"):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("original")
    (tmp_path / "team" / "link").symlink_to(tmp_path / "other")
    (tmp_path / "team" / "linked.txt").symlink_to(tmp_path / "other" / "secret")
    os.mkfifo(tmp_path / "team" / "pipe")
    return S3Folder(tmp_path)


def left(folder: S3Folder) -> set[str]:
    return {str(path.relative_to(folder.root)) for path in folder.root.rglob("*")} - {"team", "other"}


ALL = {
    *("team/a.txt", "team/d", "team/d/e", "team/d/e/f.txt", "team/d/g.txt", "team/link", "team/linked.txt"),
    *("team/pipe", "other/secret"),
}


@pytest.mark.parametrize(
    ("key", "gone"),
    [
        ("a.txt", {"team/a.txt"}),
        ("d/e/f.txt", {"team/d/e", "team/d/e/f.txt"}),
        ("d/g.txt", {"team/d/g.txt"}),
        # Nothing of that name: no file of a part of the name either.
        ("a.txt/x", set()),
        ("a.txt/", set()),
        ("d", set()),
        ("d/", set()),
        ("d/e/", set()),
        ("nothing", set()),
        ("nothing/at/all", set()),
        ("link/secret", set()),
        ("link", set()),
        ("linked.txt", set()),
        ("pipe", set()),
    ],
)
def test_deletes_take_the_file_of_that_name_and_folders_left_empty(folder: S3Folder, key: str, gone: set[str]) -> None:
    folder.delete("team", key)
    assert left(folder) == ALL - gone


def test_the_bucket_itself_stays(folder: S3Folder) -> None:
    folder.delete("other", "secret")
    assert (folder.root / "other").is_dir()


def test_empty_folders_are_deleted_with_the_empty_ones_above(folder: S3Folder) -> None:
    folder.make("team", "new/one/two/")
    assert folder.exists("team", "new/one/two/")
    folder.delete("team", "new/one/two/")
    assert left(folder) == ALL
    assert not folder.exists("team", "new/")


def test_a_folder_goes_with_the_empty_folders_in_it_unless_there_is_a_file(folder: S3Folder) -> None:
    folder.make("team", "new/one/two/")
    folder.make("team", "new/three/")
    folder.delete("team", "new/")
    folder.make("team", "d/empty/")
    folder.delete("team", "d/")
    assert left(folder) == ALL | {"team/d/empty"}


def test_what_broken_off_uploads_left_is_swept_when_it_is_old(folder: S3Folder) -> None:
    left_over = folder.root / "team" / "d" / ".rclone_temp_put_1.abc.partial"
    left_over.write_text("half")
    assert folder.sweep(3600) == 0
    os.utime(left_over, (0, 0))
    assert folder.sweep(3600) == 1
    assert left(folder) == ALL


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("new.txt", None),
        ("a.txt", None),
        ("d/new/x", None),
        ("d/", None),
        ("new/", None),
        ("a.txt/x", "'a.txt' is a file, so nothing can be stored below it."),
        ("d/g.txt/x/y", "'d/g.txt' is a file, so nothing can be stored below it."),
        ("link/x", "'link' is a link, so nothing can be stored below it."),
        ("d", "'d' is a folder: a folder and an object can't have the same name here."),
        ("d/e", "'d/e' is a folder: a folder and an object can't have the same name here."),
        ("a.txt/", "'a.txt' is a file: a folder and an object can't have the same name here."),
        ("linked.txt", "'linked.txt' is a link: a folder and an object can't have the same name here."),
        ("pipe", "'pipe' is a special file: a folder and an object can't have the same name here."),
    ],
)
def test_what_is_in_the_way_is_told(folder: S3Folder, key: str, sentence: str | None) -> None:
    assert folder.obstacle("team", key) == sentence


def test_a_bucket_is_there_from_its_first_use(tmp_path: Path) -> None:
    folder = S3Folder(tmp_path)
    assert folder.obstacle("team", "raw/a.parquet") is None
    assert not folder.exists("my-ada", "raw/")
    folder.delete("my-bob", "raw/a.parquet")
    assert left(folder) == {"my-ada", "my-bob"}
