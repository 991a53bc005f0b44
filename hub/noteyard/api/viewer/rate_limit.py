"""A limit on how often something may happen, per process of the API."""

import threading
import time
from collections import OrderedDict


class RateLimit:
    """A token bucket: `per_minute` at once, refilled evenly over a minute."""

    def __init__(self, per_minute: int) -> None:
        self._rate = per_minute / 60
        self._most = float(per_minute)
        self._left = self._most
        self._seen = time.monotonic()
        self._lock = threading.Lock()

    def take(self) -> bool:
        """Whether it may happen now."""
        with self._lock:
            moment = time.monotonic()
            self._left = min(self._most, self._left + (moment - self._seen) * self._rate)
            self._seen = moment
            if self._left < 1:
                return False
            self._left -= 1
            return True


class RateLimits:
    """A limit for each of many callers; of more than `most` those seen longest ago are forgotten."""

    def __init__(self, per_minute: int, most: int = 10_000) -> None:
        self._per_minute = per_minute
        self._most = most
        self._limits: OrderedDict[str, RateLimit] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, caller: str) -> bool:
        """Whether this caller's may happen now."""
        with self._lock:
            limit = self._limits.setdefault(caller, RateLimit(self._per_minute))
            self._limits.move_to_end(caller)
            if len(self._limits) > self._most:
                self._limits.popitem(last=False)
        return limit.take()
