"""The worked example: copied into each person's folder once, and theirs from then on."""

import shutil
from pathlib import Path

from noteyard.settings import Settings

NAME = "example"
MARKER = Path(".noteyard") / "example-copied"


def example_folder(settings: Settings) -> Path | None:
    """Where the example lies: as set, else the one that comes with Noteyard; None when there is no such folder."""
    folder = settings.labs.example or Path(__file__).with_name("notebooks")
    return folder if folder.is_dir() else None


def copy_once(source: Path | None, home: Path) -> None:
    """Copy the example to `home/example`, unless that was done before, whatever became of it, or the name is taken.

    A copy that was interrupted is taken up again: the marker is written last, and files that are there stay.
    """
    marker = home / MARKER
    if source is None or marker.exists():
        return
    target = home / NAME
    started = marker.with_name("example-copying")
    if target.exists() and not started.exists():
        return
    marker.parent.mkdir(exist_ok=True)
    started.touch()
    hidden = shutil.ignore_patterns(".*", "__pycache__")
    shutil.copytree(source, target, ignore=hidden, copy_function=_copy_missing, dirs_exist_ok=True)
    started.rename(marker)


def _copy_missing(source: str, target: str) -> None:
    if not Path(target).exists():
        shutil.copyfile(source, target)
