"""How the folders are, in a file that the lab reads: {"state", "said", "folders": {name: problem or null}}."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

State = Literal["ready", "unmounted", "away"]
FILE = "status.json"
READY = "ready"
"""A file that is there once runs and dashboards may begin; labs do not wait for it."""


@dataclass(frozen=True)
class Status:
    """`problems` by folder (None: it is served); `away` says why S3 does not answer."""

    problems: Mapping[str, str | None]
    away: str | None = None

    @property
    def state(self) -> State:
        if any(self.problems.values()):
            return "unmounted"
        return "away" if self.away else "ready"

    def said(self) -> str:
        """For the person whose lab it is; empty when all is well."""
        if self.state == "ready":
            return ""
        names = " and ".join(f"s3/{name}" for name, problem in self.problems.items() if problem or self.state == "away")
        if self.state == "away":
            return f"The storage does not answer: {names} can't be read or written until it does. All else works."
        return f"{names} can't be used yet: the node is still mounting. All else works."


def write(folder: Path, status: Status) -> None:
    """Replace the file as a whole, so that its age tells when the sidecar last was alive."""
    content = {"state": status.state, "said": status.said(), "why": status.away, "folders": dict(status.problems)}
    unfinished = folder / f"{FILE}.new"
    unfinished.write_text(json.dumps(content))
    unfinished.chmod(0o644)
    unfinished.rename(folder / FILE)
