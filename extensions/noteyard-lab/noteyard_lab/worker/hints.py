"""What to do next, for errors whose cause in a run is typical."""

from __future__ import annotations

import re
import sys
from pathlib import Path, PurePosixPath

QUOTED = re.compile(r"'([^']+)'")
FOLDERS_OF_A_LAB = ("s3/team", "s3/me")


def hint_for(name: str, message: str, release: Path, start: Path) -> str | None:
    """A next step for the exception `name`, None when there is no typical one.

    `release` is the folder of the release's files, `start` the folder in it where the notebook runs.
    """
    if name == "FileNotFoundError":
        return _missing_file(message, release, start)
    if name in ("ModuleNotFoundError", "ImportError") and message.startswith("No module named"):
        return _missing_module(message)
    if name == "StdinNotImplementedError":
        return "Nobody is there to answer input() in a run. Make what it asks for a parameter of the notebook."
    if name == "MemoryError":
        return "The run had too little memory. Work on less data at once, or use a profile with more memory."
    return None


def _missing_file(message: str, release: Path, start: Path) -> str | None:
    quoted = QUOTED.findall(message)
    path = PurePosixPath(quoted[-1]) if quoted else None
    if path is None or "://" in str(path):
        return None
    if path.is_absolute():
        return (
            f"A run starts in a folder with its release's files only; {path} is not among them. "
            "Add the file to the release and open it by a path relative to the notebook, or read it from S3."
        )
    if str(path).startswith(FOLDERS_OF_A_LAB) and not (start / path.parts[0]).exists():
        return (
            f"{'/'.join(path.parts[:2])} is a folder of a lab. In a run, read the same data by its address: "
            "os.environ['NOTEYARD_TEAM_URL'] or os.environ['NOTEYARD_MY_URL']."
        )
    elsewhere = sorted(found.relative_to(release) for found in release.rglob(path.name)) if path.name else []
    if elsewhere:
        return (
            f"The release has it as {elsewhere[0]}, but the notebook runs in "
            f"{_shown(start.relative_to(release))} and looks for {path} there."
        )
    return f"{path} is not in the release. Add it to the release's files, or read it from S3."


def _shown(folder: Path) -> str:
    return "the release's own folder" if folder == Path() else f"the folder {folder}"


def _missing_module(message: str) -> str:
    quoted = QUOTED.findall(message)
    module = quoted[-1].partition(".")[0] if quoted else "it"
    if module in sys.stdlib_module_names:
        return f"{module} is part of Python, but not of the Python in this profile."
    return (
        f"{module} is neither a package of this profile nor a file of the release. What you installed with pip in your "
        f"lab stays there: ask for the package in the profile. If {module}.py is yours, add it to the release's files."
    )
