"""What was allowed a moment ago, so that the many requests of one page are one question to the database."""

import time
from dataclasses import dataclass, field

from noteyard.store.revision import Revision

SECONDS = 2.0
"""Bounds what ends by time alone, such as a session; the viewer token in a decision is good for longer."""
MOST = 10_000

Asked = tuple[tuple[bytes, bytes], ...]
"""All that a decision depends on: the headers with the dashboard's host and the cookies, as they were sent."""


@dataclass
class Decisions:
    """Answers of access.py, each good for two seconds and only as long as nothing at all is committed.

    A revocation, a disabled person or the end of a session is a commit, whichever process makes it, so it ends what is
    remembered here at once. Only permissions are kept, never refusals.
    """

    revision: Revision
    _seen: object = None
    _kept: dict[Asked, tuple[float, bytes]] = field(default_factory=dict)

    def find(self, asked: Asked, revision: object) -> bytes | None:
        """The viewer token of the same question, if its answer still holds at this revision."""
        self._forget_unless(revision)
        made, token = self._kept.get(asked, (0.0, None))
        return token if time.monotonic() - made < SECONDS else None

    def keep(self, asked: Asked, revision: object, token: bytes) -> None:
        """Remember a permission; `revision` is as of before the database was asked."""
        if revision == self._seen and len(self._kept) < MOST:
            self._kept[asked] = (time.monotonic(), token)

    def _forget_unless(self, revision: object) -> None:
        if revision != self._seen or len(self._kept) >= MOST:
            self._kept.clear()
            self._seen = revision
