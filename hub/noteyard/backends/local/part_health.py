"""How the parts of an installation are, in words."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from noteyard.backends.local.health import answers
from noteyard.backends.local.supervisor_client import GONE, PartState, SupervisorClient
from noteyard.backends.local.supervisord_config import RESTARTER
from noteyard.instance import PARTS, Instance

WORDS = {"STARTING": "starting", "RUNNING": "not answering", "STOPPING": "stopping", "STOPPED": "stopped"}


@dataclass(frozen=True)
class PartHealth:
    """A part: running, starting, not answering, failing (it is tried again), stopping or stopped.

    `metrics` is the address where Prometheus finds its numbers; empty when it has none.
    """

    name: str
    state: str
    since: datetime
    restarts: int
    metrics: str


def health_of_parts(state: Path) -> list[PartHealth] | None:
    """All parts in the design's order; None when the supervisor does not run."""
    try:
        states = SupervisorClient(Instance(state)).states()
    except GONE:
        return None
    found = [_health(state, part) for part in states if part.name != RESTARTER]
    return sorted(found, key=lambda part: (PARTS.index(part.name) if part.name in PARTS else len(PARTS), part.name))


def is_healthy(address: str, state: PartState | None) -> bool:
    """Whether a part is up and answers at its address (none: being up is enough)."""
    return state is not None and state.up and (not address or answers(address))


def _health(state: Path, part: PartState) -> PartHealth:
    specification = json.loads((state / "run" / "parts" / f"{part.name}.json").read_text())
    word = "running" if is_healthy(specification["healthy"], part) else WORDS.get(part.state, "failing")
    return PartHealth(part.name, word, part.since, max(0, part.starts - 1), specification.get("metrics", ""))
