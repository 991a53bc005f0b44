"""Removing what people's code has left in a folder, whatever it did to permissions."""

import os
import shutil
from pathlib import Path


def remove_tree(folder: Path) -> None:
    """Remove a folder with all in it; links are removed, not followed. Raises OSError when something stays."""
    if not folder.exists():
        return
    try:
        shutil.rmtree(folder)
    except PermissionError:
        # Folders without write permission keep their entries; package caches are often made so.
        _open_up(folder)
        shutil.rmtree(folder)


def _open_up(folder: Path) -> None:
    folder.chmod(0o700)
    for place, names, _ in os.walk(folder):
        for name in names:
            below = Path(place, name)
            if not below.is_symlink():
                below.chmod(0o700)
