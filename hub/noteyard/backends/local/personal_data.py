"""What of a person lies in folders of their own on this machine: home, personal S3 data, their lab's log."""

import os
from contextlib import suppress
from pathlib import Path

from noteyard.backends.base import PersonalData
from noteyard.backends.local.folders import remove_tree
from noteyard.backends.local.lab_log import log_file
from noteyard.instance import Instance
from noteyard.names import person_bucket


def personal_data(instance: Instance, person: str) -> PersonalData:
    """Files below the person's folders and their size; links count as what they are, and are not followed."""
    files = size = 0
    for top in _folders(instance, person):
        for folder, _, names in os.walk(top):
            for name in names:
                with suppress(FileNotFoundError):  # it is just being deleted
                    size += Path(folder, name).lstat().st_size
                    files += 1
    return PersonalData(files, size)


def delete_personal_data(instance: Instance, person: str) -> None:
    """Delete it all, and nothing that links lead to: `s3/team` is one. Raises OSError when something stays."""
    for folder in _folders(instance, person):
        remove_tree(folder)
    log = log_file(instance, person)
    for path in (log, log.with_name(f"{log.name}.1")):
        path.unlink(missing_ok=True)


def _folders(instance: Instance, person: str) -> tuple[Path, Path]:
    return instance.folder("homes") / person, instance.s3 / person_bucket(person)
