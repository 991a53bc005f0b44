"""The last part of what a dashboard has logged: for its owner, never for a viewer."""

from __future__ import annotations

import logging
from collections import deque


class LogTail(logging.Handler):
    """Keeps the last `limit` characters of what the notebook prints and of this process's own log."""

    def __init__(self, limit: int = 32_000) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        self._limit = limit
        self._pieces: deque[str] = deque()
        self._length = 0

    def write(self, text: str) -> None:
        """Append what a notebook has printed, as it stands."""
        self._pieces.append(text[-self._limit :])
        self._length += len(self._pieces[-1])
        while self._length - len(self._pieces[0]) >= self._limit:
            self._length -= len(self._pieces.popleft())

    def emit(self, record: logging.LogRecord) -> None:
        """Append one record of the log."""
        self.write(self.format(record) + "\n")

    def text(self) -> str:
        """What is kept, oldest first."""
        return "".join(self._pieces)[-self._limit :]
