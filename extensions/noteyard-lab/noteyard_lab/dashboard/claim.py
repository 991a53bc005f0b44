"""What the hub side wants served: the answer to a launcher's claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self, cast

from noteyard_lab.release_files import ReleaseFile


@dataclass(frozen=True)
class Claim:
    """One version of a dashboard and the limits it is served under; times are in seconds, memory in bytes.

    `parameters` are the published defaults, `preheat` is how many kernels wait for visitors, and `render` asks for a
    new last rendering before anything is served.
    """

    dashboard: str
    title: str
    notebook: str
    files: tuple[ReleaseFile, ...]
    schema: Mapping[str, Any] = field(repr=False)
    parameters: Mapping[str, Any] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    kernel_name: str | None
    public_key: str = field(repr=False)
    audience: str
    base_url: str
    assets_url: str
    bind: str
    reads_viewer: bool
    render: bool
    preheat: int
    sessions_max: int
    session_idle_seconds: float
    disconnected_seconds: float
    memory_limit: int | None
    request_id: str

    @classmethod
    def parse(cls, given: Mapping[str, object]) -> Self:
        """From the JSON of `POST /workloads/{id}/claim`. Raises KeyError when something is missing."""
        answer = cast(Mapping[str, Any], given)
        limit = answer["memory_limit"]
        return cls(
            dashboard=str(answer["dashboard"]),
            title=str(answer["title"]),
            notebook=str(answer["notebook"]),
            files=tuple(ReleaseFile.parse(file) for file in answer["files"]),
            schema=answer["schema"],
            parameters=answer["parameters"],
            environment={str(name): str(value) for name, value in answer["environment"].items()},
            kernel_name=answer["kernel_name"],
            public_key=str(answer["public_key"]),
            audience=str(answer["audience"]),
            base_url=str(answer["base_url"]),
            assets_url=str(answer["assets_url"]),
            bind=str(answer["bind"]),
            reads_viewer=bool(answer["reads_viewer"]),
            render=bool(answer["render"]),
            preheat=int(answer["preheat"]),
            sessions_max=int(answer["sessions_max"]),
            session_idle_seconds=float(answer["session_idle_seconds"]),
            disconnected_seconds=float(answer["disconnected_seconds"]),
            memory_limit=None if limit is None else int(limit),
            request_id=str(answer["request_id"]),
        )

    @property
    def takes_parameters(self) -> bool:
        """Whether a visit can bring parameters of its own."""
        return bool(self.schema.get("properties"))
