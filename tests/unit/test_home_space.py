"""How full a home is, and what its person is told of it."""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from noteyard_lab.lab import home_space
from noteyard_lab.lab.home_space import has_room, look, substitutes


def without_room(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """As a disk that is full, or a quota that is used up, answers: a real one is in the tests on a cluster."""

    def refuse(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)


def test_a_home_with_room_has_nothing_to_tell_and_keeps_nothing_of_the_look(tmp_path: Path) -> None:
    found = look(tmp_path)
    assert (found.full, found.rescue, found.sentence) == (False, False, "") or "nearly full" in found.sentence
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_home_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    without_room(monkeypatch, code)
    found = look(tmp_path)
    assert found.full
    assert found.sentence.startswith("Your home is full (")
    assert list(tmp_path.iterdir()) == []


def test_another_trouble_with_a_home_is_not_taken_for_a_full_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_room(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match="Input/output error"):
        has_room(tmp_path)


def test_a_rescue_start_says_where_the_home_is(tmp_path: Path) -> None:
    rescued = tmp_path / "my-home"
    rescued.mkdir()
    assert "your home is in the folder my-home" in look(tmp_path, str(rescued)).sentence


def test_a_nearly_full_home_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures: Any = type("Figures", (), {"f_blocks": 1000, "f_frsize": 1024**2, "f_bavail": 20})
    monkeypatch.setattr(os, "statvfs", lambda folder: figures)
    assert look(tmp_path).sentence == "Your home (1000 MiB) is nearly full. Delete what you no longer need."


def test_what_a_start_writes_goes_elsewhere(tmp_path: Path) -> None:
    variables = substitutes()
    assert {"JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "IPYTHONDIR"} <= set(variables)
    assert not [path for path in variables.values() if Path(path).is_relative_to(Path.home())]


def test_looks_are_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home_space, "_last", None)
    first = home_space.look_now_and_then()
    assert home_space.look_now_and_then() is first
