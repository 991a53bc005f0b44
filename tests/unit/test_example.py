"""The worked example, copied into a home once."""

import errno
import os
import shutil
from pathlib import Path

import pytest
from noteyard.lab_settings import Labs
from noteyard_lab.lab.__main__ import _bring_example
from noteyard_lab.lab.example import copy_once
from pydantic import ValidationError


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture
def source(tmp_path: Path) -> str:
    made = tmp_path / "source"
    (made / "data").mkdir(parents=True)
    (made / "train.ipynb").write_text("{}")
    (made / "data" / "days.csv").write_text("1")
    (made / ".ipynb_checkpoints").mkdir()
    return str(made)


@pytest.fixture
def home(tmp_path: Path, source: str) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    copy_once(source, made)
    return made


def test_it_is_copied_without_what_is_hidden(home: Path) -> None:
    assert names(home / "example") == ["data", "data/days.csv", "train.ipynb"]


def test_it_is_copied_once_and_then_is_the_persons(source: str, home: Path) -> None:
    (home / "example" / "train.ipynb").write_text("mine")
    (home / "example" / "data" / "days.csv").unlink()
    copy_once(source, home)
    assert (home / "example" / "train.ipynb").read_text() == "mine"
    assert not (home / "example" / "data" / "days.csv").exists()


def test_an_interrupted_copy_is_finished_and_a_folder_of_that_name_is_left_alone(
    source: str, home: Path, tmp_path: Path
) -> None:
    (home / ".noteyard" / "example-copied").rename(home / ".noteyard" / "example-copying")
    (home / "example" / "data" / "days.csv").unlink()
    copy_once(source, home)
    assert (home / "example" / "data" / "days.csv").exists()
    bobs = tmp_path / "bob"
    (bobs / "example").mkdir(parents=True)
    copy_once(source, bobs)
    assert names(bobs) == ["example"]


def test_noteyards_own_is_the_one_that_nobody_chose(tmp_path: Path) -> None:
    copy_once(None, tmp_path)
    assert "weather/collect.ipynb" in names(tmp_path / "example")
    nowhere = tmp_path / "nowhere"
    nowhere.mkdir()
    copy_once(str(tmp_path / "missing"), nowhere)
    assert names(nowhere) == []


def test_a_file_there_was_no_room_for_is_not_there_by_halves(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fill(_: Path, target: Path) -> None:
        target.write_text("hal")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    home = tmp_path / "full"
    home.mkdir()
    monkeypatch.setenv("NOTEYARD_EXAMPLE", source)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "copyfile", fill)
        assert not _bring_example(home), "there is no room"
    assert "The example could not be copied: " in capsys.readouterr().err
    assert names(home / "example") == ["data"]
    assert _bring_example(home)
    assert names(home / "example") == ["data", "data/days.csv", "train.ipynb"]


def test_other_trouble_with_it_keeps_no_lab_from_starting(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".noteyard").write_text("a file in the way")
    monkeypatch.setenv("NOTEYARD_EXAMPLE", source)
    assert _bring_example(tmp_path)
    assert "The example could not be copied: " in capsys.readouterr().err


def test_a_chosen_folder_is_named_as_labs_see_it() -> None:
    with pytest.raises(ValidationError, match="must be an absolute path, as labs see it"):
        Labs(example=Path("notebooks"))
    assert Labs(example=Path("/srv/example")).environment()["NOTEYARD_EXAMPLE"] == "/srv/example"
