"""`s3/team` and `s3/me` in a home on this machine: links to the folders that the S3 server serves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from noteyard.instance import Instance
from noteyard.names import TEAM_BUCKET, person_bucket

Area = Literal["team", "me"]


def link_data(instance: Instance, home: Path, person: str, areas: Sequence[Area] = ("team", "me")) -> None:
    """Make `home/s3/<area>` lead to the team's and the person's data; what is in the way stays, as it is theirs."""
    buckets = {"team": TEAM_BUCKET, "me": person_bucket(person)}
    for area in areas:
        folder = instance.s3 / buckets[area]
        folder.mkdir(mode=0o700, exist_ok=True)
        _link(home / "s3" / area, folder)


def _link(path: Path, target: Path) -> None:
    if path.is_symlink() and path.readlink() != target:
        path.unlink()
    if path.exists() or path.is_symlink() or (path.parent.exists() and not path.parent.is_dir()):
        return
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(target)
