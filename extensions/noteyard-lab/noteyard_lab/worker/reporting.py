"""Tells the hub side how a run goes: at most every half second, at least every five."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from noteyard_lab.hub_client import GaveUpError, NotWantedError, RefusedError
from noteyard_lab.worker.attempt import AttemptClient, Progress
from noteyard_lab.worker.run_log import RunLog
from noteyard_lab.worker.stopping import Stopping

AT_MOST_EVERY = 0.5
AT_LEAST_EVERY = 5.0
LARGEST_CHUNK = 262_144

log = logging.getLogger(__name__)


class Reporter(threading.Thread):
    """Sends progress and log until closed; hands the hub side's wish to stop to `stopping`."""

    def __init__(self, attempt: AttemptClient, run_log: RunLog, stopping: Stopping) -> None:
        super().__init__(name="reporter", daemon=True)
        self._attempt = attempt
        self._log = run_log
        self._stopping = stopping
        self._progress: Callable[[], Progress] = lambda: Progress(None, 0, 0)
        self._news = threading.Event()
        self._closing = threading.Event()

    def follow(self, progress: Callable[[], Progress]) -> None:
        """Report this progress from now on."""
        self._progress = progress

    def changed(self) -> None:
        """There is news."""
        self._news.set()

    def close(self) -> None:
        """Send the rest of the log and end."""
        self._log.close()
        self._closing.set()
        self._news.set()
        self.join()

    def run(self) -> None:
        """The thread."""
        while True:
            self._news.wait(AT_LEAST_EVERY)
            self._news.clear()
            closing = self._closing.is_set()
            chunk = self._log.unsent(LARGEST_CHUNK)
            if closing and not chunk:
                return None
            try:
                self._send(chunk)
            except NotWantedError:
                return self._stopping.abandon()
            except GaveUpError:
                return None
            if closing or len(chunk) == LARGEST_CHUNK:
                self._news.set()
            self._closing.wait(AT_MOST_EVERY)

    def _send(self, chunk: str) -> None:
        try:
            if self._attempt.progress(self._progress(), self._log.offset, chunk):
                self._stopping.ask()
        except RefusedError as error:
            log.warning("a part of the log is not kept: %s", error)
        self._log.sent(len(chunk))
