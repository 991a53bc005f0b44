"""Keeps credentials that hold: renewed after half of their life, so that the broker may be away for the other half."""

import logging
import random
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from noteyard.s3_mount.sidecar.credentials_broker import Away, Credentials, Refused

log = logging.getLogger(__name__)
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.2, 30.0
REFUSED_SECONDS = 15.0
"""A refusal may be taken back, as when somebody is enabled again."""
PATIENCE_SECONDS = 1.5
"""How long a client waits for the first credentials: botocore gives up after 2 s, and tries three times."""


class NoCredentials(Exception):
    """Why there are none, in words; `refused`: asking again soon does not help."""

    def __init__(self, said: str, *, refused: bool) -> None:
        super().__init__(said)
        self.refused = refused


class Keeper:
    """Asks in a thread of its own; what it has, it gives to any number of threads."""

    def __init__(self, ask: Callable[[], Credentials]) -> None:
        self._ask = ask
        self._known: Credentials | None = None
        self._problem: NoCredentials | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="credentials", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def settle(self, seconds: float) -> bool:
        """Whether within so many seconds there were credentials, or a refusal; the broker may be away at first."""
        with self._changed:
            return self._changed.wait_for(self._is_settled, seconds)

    def _is_settled(self) -> bool:
        return self._valid() is not None or (self._problem is not None and self._problem.refused)

    def current(self) -> Credentials:
        """Credentials that hold now; waits for the first ones. Raises NoCredentials."""
        with self._changed:
            self._changed.wait_for(lambda: self._valid() is not None or self._problem is not None, PATIENCE_SECONDS)
            found = self._valid()
            if found is not None:
                return found
            raise self._problem or NoCredentials("Noteyard's API does not answer.", refused=False)

    def _valid(self) -> Credentials | None:
        return self._known if self._known is not None and _left(self._known) > 0 else None

    def _run(self) -> None:
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                found = self._ask()
            except Refused as error:
                self._note(None, NoCredentials(str(error), refused=True))
                time.sleep(REFUSED_SECONDS)
            except Away as error:
                self._note(self._known, NoCredentials(str(error), refused=False))
                time.sleep(max(wait * random.uniform(0.5, 1), error.retry_after))
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)
            except Exception:
                log.exception("a fault of the sidecar's own")
                self._note(self._known, NoCredentials("The sidecar failed; its log says how.", refused=False))
                time.sleep(LONGEST_WAIT_SECONDS)
            else:
                wait = FIRST_WAIT_SECONDS
                self._note(found, None)
                # Not all pods that started together at once.
                time.sleep(max(FIRST_WAIT_SECONDS, _left(found) * random.uniform(0.4, 0.5)))

    def _note(self, found: Credentials | None, problem: NoCredentials | None) -> None:
        if problem is not None and (self._problem is None or str(problem) != str(self._problem)):
            log.warning("no new credentials: %s", problem)
        elif problem is None and found is not None:
            log.info("credentials until %s", found.document()["Expiration"])
        with self._changed:
            self._known, self._problem = found, problem
            self._changed.notify_all()


def _left(found: Credentials) -> float:
    """Seconds until they end."""
    return (found.expires - datetime.now(UTC)).total_seconds()
