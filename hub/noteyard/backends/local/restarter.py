"""Starts parts again that failed to start: without a limit on tries, with a delay that doubles up to a cap.

Runs as supervisord's event listener: `python -m noteyard.backends.local.restarter STATE MOST_SECONDS`, the longest
delay. Parts that end after they were up are restarted by supervisord itself, at once.
"""

import select
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO
from xmlrpc.client import Fault

from supervisor.childutils import get_headers

from noteyard.backends.local.supervisor_client import SupervisorClient
from noteyard.instance import Instance

FIRST_SECONDS = 0.5


@dataclass
class Backoff:
    """When to try each failed part again, after `most` seconds at the longest; `clock` gives seconds."""

    most: float
    clock: Callable[[], float] = time.monotonic
    failures: dict[str, int] = field(default_factory=dict)
    due: dict[str, float] = field(default_factory=dict)

    def failed(self, part: str) -> float:
        """Note a failed start; returns the delay in seconds before the next."""
        count = self.failures[part] = self.failures.get(part, 0) + 1
        delay = min(FIRST_SECONDS * 2.0 ** min(count - 1, 10), self.most)
        self.due[part] = self.clock() + delay
        return delay

    def up(self, part: str) -> None:
        """Note that a part is up: its next failure begins with the shortest delay."""
        self.failures.pop(part, None)
        self.due.pop(part, None)

    def wait(self) -> float | None:
        """Seconds until the next try; None when nothing waits."""
        return max(0.0, min(self.due.values()) - self.clock()) if self.due else None

    def take_due(self) -> list[str]:
        """The parts to start now."""
        due = [part for part, at in self.due.items() if at <= self.clock()]
        for part in due:
            del self.due[part]
        return due


def listen(client: SupervisorClient, backoff: Backoff, events: TextIO, answers: TextIO) -> None:
    """Handle events until supervisord closes the pipe."""
    for state in client.states():
        if state.state == "FATAL":  # it failed while no restarter was there
            backoff.failed(state.name)
    _write(answers, "READY\n")
    while True:
        readable, _, _ = select.select([events], [], [], backoff.wait())
        if readable:
            # supervisord sends the next event only after READY, so none can lie read in the buffer unseen by select.
            headers = get_headers(events.readline())
            if not headers:
                return
            _handle(headers["eventname"], get_headers(events.read(int(headers["len"])))["processname"], backoff)
            _write(answers, "RESULT 2\nOKREADY\n")
        for part in backoff.take_due():
            _start(client, part)


def _handle(event: str, part: str, backoff: Backoff) -> None:
    if event == "PROCESS_STATE_RUNNING":
        backoff.up(part)
        return
    delay = backoff.failed(part)
    _say(f"{part} failed to start, {backoff.failures[part]} times in a row; next try in {delay:g} s")


def _start(client: SupervisorClient, part: str) -> None:
    try:
        client.start_part(part)
    except Fault as fault:  # stopped on purpose, started by hand, or supervisord is shutting down
        _say(f"{part} was not started: {fault.faultString}")


def _say(text: str) -> None:
    # Standard output speaks supervisord's protocol.
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    _write(sys.stderr, f"{moment} {text}\n")


def _write(stream: TextIO, text: str) -> None:
    stream.write(text)
    stream.flush()


if __name__ == "__main__":
    listen(SupervisorClient(Instance(Path(sys.argv[1]))), Backoff(float(sys.argv[2])), sys.stdin, sys.stdout)
