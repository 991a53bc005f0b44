"""Releases: an immutable, content-addressed snapshot of a notebook, its files, its environment's and image's digest.

A release's id is the SHA-256 of the canonical JSON of its manifest, so that the same content twice is one release.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from noteyard.errors import FieldError, InvalidParameters, TooLarge

DIGEST = re.compile(r"[0-9a-f]{64}")
MAX_FILES = 5000
MAX_PATH = 1000


@dataclass(frozen=True, order=True)
class ReleaseFile:
    """One file: path relative to the release's folder with `/`, SHA-256 in hex, size in bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Manifest:
    """What a release consists of. `files` are sorted and hold the notebook too.

    `image` is the profile's, by digest, as the cluster knew it; None on one machine, and where no digest was known.
    """

    notebook: str
    profile: str
    environment_digest: str | None
    files: tuple[ReleaseFile, ...]
    image: str | None = None

    @property
    def id(self) -> str:
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    def canonical(self) -> str:
        """The JSON that the id is the digest of."""
        content = asdict(self)
        if self.image is None:
            # So that what was stored before releases had images keeps its id.
            del content["image"]
        return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def safe_path(path: str) -> str | None:
    """Why a path can't be in a release, or None when it can: relative, inside the folder, in one spelling."""
    if not path or len(path) > MAX_PATH:
        return f"a path has 1 to {MAX_PATH} characters"
    if path.startswith("/") or "\\" in path or re.match(r"[A-Za-z]:", path):
        return "a path is relative to the notebook's folder, with / between its parts"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "a path stays inside the notebook's folder (no '..', '.' or empty part)"
    if any(ord(character) < 32 or ord(character) == 127 for character in path):
        return "a path holds no control characters"
    return None


def check_manifest(manifest: Manifest, contents: Mapping[str, tuple[str, int]], size_limit_mb: int) -> None:
    """Compare a manifest with what was really sent: `contents` maps a path to (SHA-256, size in bytes).

    Raises InvalidParameters with every wrong file, or TooLarge. Nothing may be stored before this has passed.
    """
    problems = [*_path_problems(manifest.files), *_content_problems(manifest.files, contents)]
    if not manifest.notebook.endswith(".ipynb"):
        problems.append(FieldError("notebook", f"{manifest.notebook!r} is not a notebook (.ipynb)"))
    elif manifest.notebook not in {file.path for file in manifest.files}:
        problems.append(FieldError("notebook", f"{manifest.notebook!r} is not among the files"))
    if manifest.environment_digest is not None and not DIGEST.fullmatch(manifest.environment_digest):
        problems.append(FieldError("environment_digest", "a SHA-256 in hex is 64 characters, 0-9 and a-f"))
    if len(manifest.files) > MAX_FILES:
        problems.append(FieldError("files", f"{len(manifest.files)} files; a release holds {MAX_FILES} at most"))
    if problems:
        raise InvalidParameters(problems, hint="Nothing was stored. Correct the manifest and send it again.")
    if manifest.size > size_limit_mb * 1024 * 1024:
        raise too_large(manifest.size, size_limit_mb)


def too_large(size: int, size_limit_mb: int, *, at_least: bool = False) -> TooLarge:
    """The refusal of a release over the limit; `at_least`: more would have come."""
    more = "more than " if at_least else ""
    return TooLarge(
        f"The release has {more}{size / 1024 / 1024:.1f} MiB; the limit is {size_limit_mb} MiB. Nothing was stored.",
        "Leave large data out and read it from S3 (NOTEYARD_TEAM_URL), or raise releases.size_limit_mb.",
    )


def _path_problems(files: Sequence[ReleaseFile]) -> list[FieldError]:
    problems = []
    seen: set[str] = set()
    for index, file in enumerate(files):
        reason = safe_path(file.path)
        if reason is not None:
            problems.append(FieldError(f"files.{index}.path", f"{file.path!r} is refused: {reason}"))
        if file.path in seen:
            problems.append(FieldError(f"files.{index}.path", f"{file.path!r} is listed twice"))
        seen.add(file.path)
    folders = {parent for path in seen for parent in _parents(path)}
    return problems + [
        FieldError("files", f"{path!r} is a file and a folder at once") for path in sorted(seen & folders)
    ]


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _content_problems(files: Sequence[ReleaseFile], contents: Mapping[str, tuple[str, int]]) -> list[FieldError]:
    problems = []
    for index, file in enumerate(files):
        found = contents.get(file.path)
        if found is None:
            problems.append(FieldError(f"files.{index}", f"{file.path!r} was not sent"))
        elif found != (file.sha256, file.size):
            problems.append(
                FieldError(f"files.{index}", f"{file.path!r} differs from its digest: it changed while sent")
            )
    listed = {file.path for file in files}
    return problems + [
        FieldError("file", f"{path!r} was sent but is not in the manifest") for path in contents if path not in listed
    ]
