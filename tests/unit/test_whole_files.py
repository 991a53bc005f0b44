"""Files that are there whole or not at all."""

import os
from pathlib import Path

import pytest
from noteyard.whole_files import whole_file, write_once, write_whole


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What happens, in its order: what is flushed to the disk, and what gets its name."""
    happened: list[tuple[str, str]] = []
    fsync, replace, link = os.fsync, Path.replace, os.link

    def flushing(descriptor: int) -> None:
        happened.append(("flushed", Path(f"/proc/self/fd/{descriptor}").read_text()))
        fsync(descriptor)

    def replacing(path: Path, target: Path) -> Path:
        happened.append(("named", target.name))
        return replace(path, target)

    def linking(path: Path, target: Path) -> None:
        happened.append(("named", target.name))
        link(path, target)

    monkeypatch.setattr(os, "fsync", flushing)
    monkeypatch.setattr(Path, "replace", replacing)
    monkeypatch.setattr(os, "link", linking)
    return happened


def test_the_content_is_on_the_disk_before_the_name(tmp_path: Path, steps: list[tuple[str, str]]) -> None:
    file = tmp_path / "file"
    write_whole(file, "one")
    write_whole(file, "two")
    write_once(file, "three")
    write_once(tmp_path / "other", "four")
    assert steps == [
        *(("flushed", "one"), ("named", "file")),
        *(("flushed", "two"), ("named", "file")),
        *(("flushed", "four"), ("named", "other")),
    ]
    assert (file.read_text(), (tmp_path / "other").read_text()) == ("two", "four")
    assert file.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"file", "other"}


def test_what_fails_midway_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")
    with pytest.raises(RuntimeError), whole_file(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_of_two_who_write_once_the_first_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with whole_file(path, once=True) as file:
        file.write(b"second")
        path.write_text("first")
    assert path.read_text() == "first"


def test_what_a_killed_process_of_the_same_pid_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / f".file.{os.getpid()}.part").write_text("half")
    write_whole(tmp_path / "file", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
