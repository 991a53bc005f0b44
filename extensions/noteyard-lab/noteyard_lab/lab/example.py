"""The worked example: copied into each person's folder once, and theirs from then on."""

import shutil
from pathlib import Path

NAME = "example"
MARKER = Path(".noteyard") / "example-copied"
PARTIAL = ".example-part"


def copy_once(chosen: str | None, home: Path) -> None:
    """Copy the example to `home/example`, unless that was done before, whatever became of it, or the name is taken.

    `chosen` is the folder that is the example; None: the one that comes with Noteyard. Nothing is copied when there is
    no such folder. A copy that was interrupted is taken up again: the marker is written last, files are there whole or
    not at all, and those that are there stay. Raises OSError.
    """
    source = Path(chosen) if chosen else Path(__file__).with_name("notebooks")
    marker = home / MARKER
    if marker.exists() or not source.is_dir():
        return
    target = home / NAME
    started = marker.with_name("example-copying")
    if target.exists() and not started.exists():
        return
    marker.parent.mkdir(exist_ok=True)
    started.touch()
    _copy_missing(source, target)
    started.rename(marker)


def _copy_missing(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for path in sorted(source.iterdir()):
        if path.name.startswith(".") or path.name == "__pycache__":
            continue
        place = target / path.name
        if path.is_dir():
            _copy_missing(path, place)
        elif not place.exists():
            _copy(path, place)


def _copy(source: Path, target: Path) -> None:
    partial = target.with_name(PARTIAL)
    try:
        shutil.copyfile(source, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
