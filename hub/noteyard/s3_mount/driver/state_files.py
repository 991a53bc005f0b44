"""Which volumes are published: a file each, so that a driver that starts again listens for all of them."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from noteyard.s3_mount.driver.volumes import Refused, Volume, checked_id, checked_target
from noteyard.s3_mount.volume_layout import is_folder

log = logging.getLogger(__name__)


class StateFiles:
    """The files of one folder, which is made when it is missing."""

    def __init__(self, folder: Path, pods: Path) -> None:
        self._folder = folder
        self._pods = pods
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def note(self, volume: Volume) -> None:
        """Keep the volume; the file is there whole or not at all, also after a power cut."""
        path = self._path(volume.id)
        unfinished = path.with_suffix(".new")
        content = {"target": str(volume.target), "folders": volume.folders, "uid": volume.uid}
        with unfinished.open("w") as file:
            json.dump(content, file)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)

    def forget(self, id: str) -> None:
        """Fine when there is none."""
        self._path(id).unlink(missing_ok=True)

    def find(self, id: str) -> Volume | None:
        path = self._path(id)
        return self._read(path) if path.exists() else None

    def all(self) -> Iterator[Volume]:
        """Every volume noted; files that can't be understood are said in the log and left out."""
        for path in sorted(self._folder.glob("*.json")):
            volume = self._read(path)
            if volume is not None:
                yield volume

    def _path(self, id: str) -> Path:
        return self._folder / f"{checked_id(id)}.json"

    def _read(self, path: Path) -> Volume | None:
        try:
            found = json.loads(path.read_text())
            folders = tuple(name for name in found["folders"] if is_folder(name))
            return Volume(
                checked_id(path.stem), checked_target(found["target"], self._pods), folders, int(found["uid"])
            )
        except (ValueError, KeyError, TypeError, Refused) as error:
            log.error("the state file %s can't be understood, its volume is left alone: %s", path, error)
            return None
