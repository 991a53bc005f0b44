"""Ending a run before its notebook ends: at SIGTERM, when the hub side asks, at its time limit, or when not wanted.

The thread here only decides and presses; the main thread is the one that saves what there is and reports. First the
kernel is interrupted, which ends a cell with KeyboardInterrupt; a cell that goes on is interrupted again, then its
kernel is killed. When saving takes too long, or SIGTERM comes a second time, the process gives up and leaves.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Literal, Protocol

Reason = Literal["stopped", "timed_out"]
Request = Literal["signal", "ask", "unwanted", "limit"]

SECOND_INTERRUPT = 4.0
KILL = 8.0
GIVE_UP = 20.0


class Pressed(Protocol):
    """What is under way and can be pressed to end. Called from the stopping thread, at any time, also twice."""

    def interrupt(self) -> None: ...

    def kill(self) -> None: ...


class Stopping(threading.Thread):
    """Waits for a reason to stop, then presses what is under way step by step.

    `give_up` and `leave` must not return: they end the process, with a word to the hub side or without.
    """

    def __init__(self, give_up: Callable[[], None], leave: Callable[[], None]) -> None:
        super().__init__(name="stopping", daemon=True)
        self.reason: Reason | None = None
        self.signalled = False
        self._give_up = give_up
        self._leave = leave
        self._requests: queue.SimpleQueue[Request] = queue.SimpleQueue()
        self._pressed: Pressed | None = None
        self._lock = threading.Lock()
        self._limit: float | None = None
        self._since = 0.0

    def take_signal(self, *_: object) -> None:
        """Handler for SIGTERM; the second one means: now."""
        self.signalled = True
        self._requests.put("signal")  # SimpleQueue.put may be interrupted by another signal's handler

    def ask(self) -> None:
        """The hub side wants the run to stop; asking again changes nothing."""
        self._requests.put("ask")

    def abandon(self) -> None:
        """The hub side wants nothing more of this attempt: end all and leave quietly."""
        self._requests.put("unwanted")

    def limit(self, seconds: float) -> None:
        """Stop the run as timed out in `seconds` from now."""
        self._limit = time.monotonic() + seconds
        self._requests.put("limit")

    def press(self, pressed: Pressed | None) -> None:
        """From now on this is under way; it is pressed at once when a reason has come already."""
        with self._lock:
            self._pressed = pressed
            if pressed is not None and self.reason is not None:
                pressed.interrupt()

    def run(self) -> None:
        """The thread: ends with the process."""
        signals = 0
        while True:
            request = self._next_request(None if self._limit is None else self._limit - time.monotonic())
            if request == "unwanted":
                self._leave()
            elif request in ("signal", "ask"):
                signals = int(request == "signal")
                return self._stop("stopped", signals)
            elif request is None:
                return self._stop("timed_out", signals)

    def _next_request(self, patience: float | None) -> Request | None:
        try:
            return self._requests.get(timeout=None if patience is None else max(0.0, patience))
        except queue.Empty:
            return None

    def _stop(self, reason: Reason, signals: int) -> None:
        self._since = time.monotonic()
        with self._lock:
            self.reason = reason
            if self._pressed is not None:
                self._pressed.interrupt()
        for moment, press in ((SECOND_INTERRUPT, "interrupt"), (KILL, "kill"), (GIVE_UP, "give up")):
            signals = self._wait(moment, signals)
            if signals > 1 or press == "give up":
                self._give_up()
            with self._lock:
                if self._pressed is not None:
                    self._pressed.kill() if press == "kill" else self._pressed.interrupt()

    def _wait(self, moment: float, signals: int) -> int:
        """Wait until `moment` after the stop began, or for the second signal; how many signals have come."""
        while signals < 2:
            patience = self._since + moment - time.monotonic()
            if patience <= 0:
                break
            request = self._next_request(patience)
            if request == "unwanted":
                self._leave()
            signals += int(request == "signal")
        return signals
