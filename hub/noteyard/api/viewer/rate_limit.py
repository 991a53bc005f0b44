"""A limit on how often something may happen, per process of the API."""

import threading
import time


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
