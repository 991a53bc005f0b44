"""The outputs of one cell, kept within bounds while they stream in: the beginning and the end, and a line between."""

from __future__ import annotations

import json
from collections import deque
from typing import Any

from nbformat import NotebookNode, from_dict

from noteyard_lab.worker.failure import shortened
from noteyard_lab.worker.printed_text import LineFolder, TextTail, amount

MOST_FIRST_RICH = 200
MOST_LAST_RICH = 50
LARGEST_RICH = 16_000_000
LARGEST_CELL = 64_000_000

# Where in the cell a piece of printed text belongs, and the name of its stream.
Mark = tuple[int, str]


class CellOutputs:
    """Outputs of a cell in their order.

    Printed text is kept up to `text_limit` characters, half of it from the beginning and half from the end. Of other
    outputs (results, pictures, widgets) the first 200 and the last 50 are kept, none larger than 16 MB and all together
    no larger than `room`.
    """

    def __init__(self, text_limit: int, room: int = LARGEST_CELL) -> None:
        self.text_limit = text_limit
        self.room = room
        self.clear()

    def clear(self) -> None:
        """Forget all, as a cell asks for with `clear_output()`."""
        self._first_text: list[tuple[Mark, str]] = []
        self._first_rich: list[tuple[int, NotebookNode]] = []
        self._room = self.text_limit // 2
        self._last_text: TextTail[Mark] = TextTail(self.text_limit // 2)
        self._last_rich: deque[tuple[int, NotebookNode]] = deque()
        self._rich_left_out = 0
        self.size = 0
        self._next = 0
        self._gap: int | None = None
        self._folders: dict[str, LineFolder] = {}

    def add_text(self, name: str, text: str) -> None:
        """Take printed text of the stream `name`."""
        self._settle(but=name)
        self._print(name, self._folders.setdefault(name, LineFolder()).feed(text))

    def add(self, output: NotebookNode) -> NotebookNode:
        """Take an output that is not printed text; what is kept of it."""
        self._settle()
        output = bounded(output, self.text_limit, min(LARGEST_RICH, self.room - self.size))
        self.size += _size(output)
        if len(self._first_rich) < MOST_FIRST_RICH:
            self._first_rich.append((self._take_place(), output))
            return output
        if self._gap is None:
            self._gap = self._take_place()
        self._last_rich.append((self._take_place(), output))
        if len(self._last_rich) > MOST_LAST_RICH:
            self.size -= _size(self._last_rich.popleft()[1])
            self._rich_left_out += 1
        return output

    def outputs(self) -> list[NotebookNode]:
        """What is kept, as the cell's outputs; may be asked while more is coming."""
        text = [*self._first_text, *self._last_text.pieces()]
        text += [((self._next, name), folder.open_line) for name, folder in self._folders.items() if folder.open_line]
        rich = [*self._first_rich, *self._last_rich]
        if self._left_out_something and self._gap is not None:
            rich.append((self._gap, self._note()))
        kept: list[tuple[int, str, str | NotebookNode]] = [(place, name, piece) for (place, name), piece in text]
        kept += [(place, "", output) for place, output in rich]
        kept.sort(key=lambda entry: entry[0])
        return _joined(kept)

    def _settle(self, but: str | None = None) -> None:
        for name, folder in self._folders.items():
            if name != but:
                self._print(name, folder.settle())

    def _print(self, name: str, text: str) -> None:
        if text and self._room:
            fits = len(text) if len(text) <= self._room else text.rfind("\n", 0, self._room) + 1
            fits = fits or (0 if self._first_text else self._room)
            self._first_text.append(((self._take_place(), name), text[:fits]))
            self._room -= fits
            text = text[fits:]
        if text:
            self._room = 0
            if self._gap is None:
                self._gap = self._take_place()
            self._last_text.add((self._take_place(), name), text)

    def _take_place(self) -> int:
        self._next += 1
        return self._next

    @property
    def _left_out_something(self) -> bool:
        return bool(self._last_text.characters_left_out or self._rich_left_out)

    def _note(self) -> NotebookNode:
        parts = []
        if self._last_text.characters_left_out:
            printed = amount(self._last_text.characters_left_out)
            parts.append(f"{printed} of printed text ({self._last_text.lines_left_out:,} lines)")
        if self._rich_left_out:
            parts.append(f"{self._rich_left_out:,} outputs")
        return _plain(f"… {' and '.join(parts)} left out here: a run keeps the beginning and the end …")


def bounded(output: NotebookNode, text_limit: int, largest: int = LARGEST_RICH) -> NotebookNode:
    """The output, its plain text cut to `text_limit` characters; a note in its place when larger than `largest`."""
    data: dict[str, Any] = output.get("data", {})
    if len(data.get("text/plain", "")) > text_limit:
        data["text/plain"] = shortened(data["text/plain"], text_limit)
    size = _size(output)
    if size <= largest or output.output_type == "error":
        return output
    kind = max(data, key=lambda kind: len(str(data[kind])))
    return _plain(
        f"… an output of {amount(size)} ({kind}) was left out: it is more than a run keeps. "
        "Save it to a file on S3 instead …"
    )


def _size(output: NotebookNode) -> int:
    data: dict[str, Any] = output.get("data", {})
    return sum(len(value if isinstance(value, str) else json.dumps(value)) for value in data.values())


def _plain(text: str) -> NotebookNode:
    return _node({"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}})


def _node(output: dict[str, Any]) -> NotebookNode:
    node: NotebookNode = from_dict(output)  # type: ignore[no-untyped-call]
    return node


def _joined(kept: list[tuple[int, str, str | NotebookNode]]) -> list[NotebookNode]:
    """Outputs of the entries, text of the same stream that follows itself made one output."""
    outputs: list[NotebookNode] = []
    parts: list[str] = []
    open_stream = ""
    for _, name, piece in [*kept, (0, "", "")]:
        if isinstance(piece, str) and name and name == open_stream:
            parts.append(piece)
            continue
        if parts:
            outputs.append(_node({"output_type": "stream", "name": open_stream, "text": "".join(parts)}))
        parts, open_stream = ([piece], name) if isinstance(piece, str) and name else ([], "")
        if not isinstance(piece, str):
            outputs.append(piece)
    return outputs
