"""What the small Noteyard of yard's tests was sent, and how its runs shall go."""

import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from noteyard.api.models import RunModel

TOKEN = "secret-token-of-ada"
NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
BREAK = "break"
"""A step of a run's events at which the connection ends, once."""
CRASH = "crash"
"""The same, without the end that HTTP has for an answer."""
HOLD = "hold"
"""A step at which nothing happens until the test lets it go on."""

Step = tuple[str, dict[str, Any]] | str


@dataclass
class YardServer:
    """What the server was sent, and how its runs shall go."""

    port: int = 0
    releases: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[Step] = field(default_factory=list)
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    outputs: dict[str, bytes] = field(default_factory=dict)
    log: str = ""
    requests: list[tuple[str, str]] = field(default_factory=list)
    followed_from: list[str] = field(default_factory=list)
    holding: threading.Event = field(default_factory=threading.Event)
    go_on: threading.Event = field(default_factory=threading.Event)
    renders: str = "good"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        return {"NOTEYARD_URL": self.url, "NOTEYARD_TOKEN": TOKEN}

    def add_run(self, id: str = "r1", **changes: Any) -> dict[str, Any]:
        run = {
            "id": id,
            "release": "a" * 64,
            "notebook": "report.ipynb",
            "owner": "ada",
            "state": "queued",
            "stopping": False,
            "parameters": {},
            "created": NOW,
            "started": None,
            "ended": None,
            "attempt": 1,
            "retries": 0,
            "timeout": None,
            "cells": None,
            "cells_done": 0,
            "cell": None,
            "error": None,
            "schedule": None,
            "due": None,
            "rerun_of": None,
            "url": f"{self.url}/portal/runs/{id}",
        }
        self.runs[id] = json.loads(RunModel.model_validate(run | changes).model_dump_json())
        return self.runs[id]

    def goes(self, state: str, **changes: Any) -> list[Step]:
        """The usual events of a run that ends in `state`."""
        end = {"state": state, "ended": (NOW + timedelta(seconds=75)).isoformat(), **changes}
        return [
            ("run", {"state": "starting"}),
            ("run", {"state": "running", "started": NOW.isoformat(), "cells": 2}),
            ("log", {"attempt": 1, "offset": 0, "text": "one\n"}),
            ("run", {"cells_done": 1}),
            ("log", {"attempt": 1, "offset": 4, "text": "two\n"}),
            ("run", {"cells_done": 2, **end}),
            ("end", {}),
        ]
