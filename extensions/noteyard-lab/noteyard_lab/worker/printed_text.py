"""Text as a program prints it: lines that are overwritten while they grow, and more than anyone will read."""

from __future__ import annotations

import re
from collections import deque
from typing import Generic, TypeVar

Tag = TypeVar("Tag")

OVERWRITTEN = re.compile(r".*\r(?=[^\r\n])")
LONGEST_OPEN_LINE = 8_192


class LineFolder:
    """Passes on what is settled: a line that a progress bar keeps writing anew is held until it is done."""

    def __init__(self) -> None:
        self.open_line = ""

    def feed(self, text: str) -> str:
        """The text that can no longer be overwritten: whole lines."""
        text = self.open_line + text
        if "\r" in text:
            text = OVERWRITTEN.sub("", text).replace("\r\n", "\n")
        end = text.rfind("\n") + 1
        self.open_line = text[end:]
        if len(self.open_line) > LONGEST_OPEN_LINE:
            end = len(text)
            self.open_line = ""
        return text[:end]

    def settle(self) -> str:
        """The line begun last, as it is now."""
        text, self.open_line = self.open_line.rstrip("\r"), ""
        return text


class TextTail(Generic[Tag]):
    """The last `room` characters of what is added, each piece with a tag, and how much was left out before them."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.characters_left_out = 0
        self.lines_left_out = 0
        self._pieces: deque[tuple[Tag, str]] = deque()
        self._size = 0

    def add(self, tag: Tag, text: str) -> None:
        """Append, forgetting from the front what no longer fits."""
        self._pieces.append((tag, text))
        self._size += len(text)
        while self._size > self.room:
            first_tag, first = self._pieces.popleft()
            excess = min(len(first), self._size - self.room)
            self.characters_left_out += excess
            self.lines_left_out += first.count("\n", 0, excess)
            if excess < len(first):
                self._pieces.appendleft((first_tag, first[excess:]))
            self._size -= excess

    def pieces(self) -> list[tuple[Tag, str]]:
        """What is kept, oldest first; the first begins with a whole line when something was left out before it."""
        kept = list(self._pieces)
        if kept and self.characters_left_out:
            tag, text = kept[0]
            kept[0] = (tag, text[text.find("\n") + 1 :])
        return kept


def amount(characters: int) -> str:
    """A number of characters for people: 29.1 MB."""
    for unit, size in (("MB", 1_000_000), ("kB", 1_000)):
        if characters >= size:
            return f"{characters / size:.1f} {unit}"
    return f"{characters} characters"
