"""What the hub side tells a worker about its attempt, and what the worker tells the hub side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from noteyard_lab.hub_client import HubClient
from noteyard_lab.release_files import ReleaseFile
from noteyard_lab.worker.failure import Failure

KINDS = {"notebook.ipynb": "application/x-ipynb+json", "notebook.html": "text/html; charset=utf-8"}


@dataclass(frozen=True)
class Claim:
    """What to execute: the answer to a claim.

    `notebook` is a path in the release; `environment` holds what the kernel gets beside its own; `timeout` is in
    seconds, None for no limit; `log_limit` is the size of the log that is kept, `output_limit` that of one cell's
    printed text, both in bytes.
    """

    notebook: str
    files: tuple[ReleaseFile, ...]
    parameters: Mapping[str, object]
    schema: Mapping[str, object]
    environment: Mapping[str, str]
    timeout: float | None
    kernel_name: str | None
    log_limit: int
    output_limit: int
    assets_url: str
    request_id: str

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """From the JSON object that the hub side answers."""
        return cls(
            notebook=given["notebook"],
            files=tuple(ReleaseFile.parse(file) for file in given["files"]),
            parameters=given["parameters"],
            schema=given["schema"],
            environment=given["environment"],
            timeout=given["timeout"],
            kernel_name=given["kernel_name"],
            log_limit=given["log_limit"],
            output_limit=given["output_limit"],
            assets_url=given["assets_url"],
            request_id=given["request_id"],
        )


@dataclass(frozen=True)
class Progress:
    """How far the run is: the index of the executing cell in the output notebook's cells, and counts of code cells."""

    cell: int | None
    cells_done: int
    cells: int


class AttemptClient:
    """The hub side's API for one attempt. Raises what HubClient raises."""

    def __init__(self, client: HubClient, attempt: str) -> None:
        self.client = client
        self._path = f"/attempts/{attempt}"

    @property
    def files_path(self) -> str:
        """Below which the release's files are, by digest."""
        return f"{self._path}/files"

    def claim(self) -> Claim:
        """Take the attempt for this process; exactly one process ever can."""
        claim = Claim.parse(self.client.claim(f"{self._path}/claim"))
        self.client.use_request_id(claim.request_id)
        return claim

    def progress(self, progress: Progress, log_offset: int, log: str) -> bool:
        """Tell how far the run is, with the part of the log that begins at `log_offset`; whether it should stop."""
        body = {**asdict(progress), "log_offset": log_offset, "log": log}
        return bool(self.client.post(f"{self._path}/progress", body).get("stop"))

    def put_output(self, name: str, content: str) -> None:
        """Store `notebook.ipynb` or `notebook.html`, in place of what was stored before."""
        self.client.put(f"{self._path}/outputs/{name}", content.encode("utf-8", "replace"), KINDS[name])

    def finish(self, outcome: str, failure: Failure | None, progress: Progress) -> None:
        """Tell how the run ended: "succeeded", "failed", "timed_out" or "stopped". The last that is said."""
        body = {
            "outcome": outcome,
            "error": None if failure is None else asdict(failure),
            "cells_done": progress.cells_done,
            "cells": progress.cells,
        }
        self.client.post(f"{self._path}/finish", body)
