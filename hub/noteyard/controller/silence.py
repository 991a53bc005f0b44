"""When a process that should report has been silent for so long that it must hang."""

from datetime import datetime, timedelta

from noteyard.backends.base import Observed
from noteyard.settings import Runs
from noteyard.store.types import now

TIMES = 4
"""Heartbeats come far more often than `lost_after_seconds`; a process that can be seen gets this many times longer."""


def is_silent(found: Observed, heard: datetime, settings: Runs) -> bool:
    """Whether a process that exists was last heard at `heard`, too long ago. Before it has begun it can't report."""
    if found.pending:
        return False
    since = max(heard, found.began or heard)
    return now() - since > timedelta(seconds=TIMES * settings.lost_after_seconds)
