"""How long a controller has itself seen something stay as it is: by this it judges what hangs.

Clocks of the database's rows do not tell it. While a machine is suspended or stopped, the controller is away, or the
clock is set, they go on, but nobody could have reported; nor can anybody while the API is away. A new controller gives
everything its whole patience anew.
"""

import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta

from noteyard.backends.base import Observed
from noteyard.settings import Runs

TIMES = 4
"""Heartbeats come far more often than `lost_after_seconds`; a process that can be seen gets this many times longer."""
MOST_BETWEEN_LOOKS = 2.0
"""Seconds; loops look far more often. Of a longer pause this much counts: nobody knows what others could do in it."""


class Watch:
    """One loop's. `look` comes first in each turn. Time counts while `counts` says so."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, counts: Callable[[], bool] = lambda: True) -> None:
        self._clock = clock
        self._counts = counts
        self._looked = clock()
        self._seconds = 0.0
        self._since: dict[tuple[str, str], tuple[object, float]] = {}

    def look(self, seen: Collection[str]) -> None:
        """These exist now, by id; what was known of others is forgotten."""
        moment = self._clock()
        if self._counts():
            self._seconds += min(moment - self._looked, MOST_BETWEEN_LOOKS)
        self._looked = moment
        self._since = {key: known for key, known in self._since.items() if key[0] in seen}

    def lasted(self, id: str, what: str, state: object) -> timedelta:
        """How long `what` of a process has been in this state; nothing when it is seen in it for the first time."""
        known = self._since.get((id, what))
        if known is None or known[0] != state:
            known = self._since[id, what] = (state, self._seconds)
        return timedelta(seconds=self._seconds - known[1])

    def is_silent(self, found: Observed, heard: datetime, settings: Runs) -> bool:
        """Whether a process that exists, last heard at `heard`, has hung. Before it has begun it can't report."""
        lasted = self.lasted(found.id, "heard", (found.pending, heard))
        return not found.pending and lasted > timedelta(seconds=TIMES * settings.lost_after_seconds)
