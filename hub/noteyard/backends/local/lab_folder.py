"""A person's own folder on this machine: made before their lab starts, with the example and the ways to the data."""

from pathlib import Path

from noteyard.example import copy_once, example_folder
from noteyard.instance import Instance
from noteyard.names import TEAM_BUCKET, person_bucket
from noteyard.settings import Settings


def prepare_home(settings: Settings, instance: Instance, person: str) -> Path:
    """The person's folder with the example (once) and `s3/team` and `s3/me` leading to the buckets' folders."""
    home = instance.home(person)
    copy_once(example_folder(settings), home)
    for name, bucket in (("team", TEAM_BUCKET), ("me", person_bucket(person))):
        folder = instance.s3 / bucket
        folder.mkdir(mode=0o700, exist_ok=True)
        _link(home / "s3" / name, folder)
    return home


def _link(path: Path, target: Path) -> None:
    # What people put in the way stays: it is their folder.
    if path.is_symlink() and path.readlink() != target:
        path.unlink()
    if path.exists() or path.is_symlink() or (path.parent.exists() and not path.parent.is_dir()):
        return
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target)
