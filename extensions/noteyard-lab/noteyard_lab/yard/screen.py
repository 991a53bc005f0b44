"""What people see: tables, progress, refusals; and JSON for programs. Results go to stdout, all else to stderr."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from noteyard_lab.yard.errors import YardError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

STYLES = {
    "succeeded": "green",
    "failed": "red",
    "timed out": "red",
    "lost": "red",
    "cancelled": "yellow",
    "interrupted": "yellow",
    "running": "cyan",
    "starting": "cyan",
    "fired": "green",
    "missed": "red",
    "skipped": "yellow",
    "ready": "green",
    "good": "green",
    "paused": "yellow",
}
NEVER_FOLDED = frozenset({"State", "Created", "Took", "When", "Next", "Due", "Run", "Rendered", "Audience", "Link"})
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def harmless(text: str) -> str:
    """The text without what could command a terminal (titles, clipboard, cursor); colours stay."""
    pieces = COLOUR.split(text)
    colours = [*COLOUR.findall(text), ""]
    return "".join(UNPRINTABLE.sub("", piece) + colour for piece, colour in zip(pieces, colours, strict=True))


def plain(value: object) -> str:
    """A value for a table: no control characters, no colours."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return UNPRINTABLE.sub("", COLOUR.sub("", text))


class Screen:
    """Where a command writes. With `as_json` people's output is silent and `result` prints JSON."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    @cached_property
    def out(self) -> Console:
        return _console(to_stderr=False)

    @cached_property
    def err(self) -> Console:
        return _console(to_stderr=True)

    def result(self, document: object) -> None:
        """Print the JSON result on stdout."""
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def event(self, document: object) -> None:
        """Print one event of a stream as a line of JSON on stdout."""
        sys.stdout.write(json.dumps(document, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def raw(self, text: str) -> None:
        """Write text that people's code printed: as it is into a file or pipe, harmless on a terminal."""
        sys.stdout.write(harmless(text) if sys.stdout.isatty() else text)
        sys.stdout.flush()

    def line(self, *parts: str | Text) -> None:
        """Write one line of a result for people."""
        if not self.as_json:
            self.out.print(_joined(parts), soft_wrap=True)

    def note(self, *parts: str | Text) -> None:
        """Write one line beside the result, on stderr."""
        if not self.as_json:
            self.err.print(_joined(parts), soft_wrap=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str | Text]], empty: str) -> None:
        """Write a table, or the sentence `empty` when there are no rows."""
        from rich.table import Table

        shown = list(rows)
        if not shown:
            self.line(empty)
            return
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
        for position, column in enumerate(columns):
            # The first column is what other commands take as their argument.
            table.add_column(column, no_wrap=position == 0 or column in NEVER_FOLDED, overflow="fold")
        for row in shown:
            table.add_row(*(_joined([cell]) for cell in row))
        self.out.print(table)

    def facts(self, pairs: Iterable[tuple[str, str | Text | None]]) -> None:
        """Write names and values, one a line; None is left out."""
        shown = [(name, value) for name, value in pairs if value is not None]
        width = max(len(plain(name)) for name, _ in shown)
        for name, value in shown:
            self.line(styled(f"{plain(name):<{width}}  ", "dim"), value)

    def refuse(self, error: YardError) -> None:
        """Write a refusal on stderr: for people in words, for programs as a problem document."""
        if self.as_json:
            sys.stderr.write(json.dumps(error.problem(), ensure_ascii=False) + "\n")
            return
        # The API's sentence repeats the fields; below it each has a line of its own.
        repeated = "; ".join(f"{field}: {message}" for field, message in error.fields)
        message = error.message.split(repeated)[0].rstrip() if repeated else error.message
        self.err.print(_joined([styled("✗ ", "red"), message]), soft_wrap=True)
        for field, message in error.fields:
            self.err.print(_joined(["  ", styled(plain(field), "bold"), ": ", message]), soft_wrap=True)
        if error.hint:
            self.err.print(_joined([styled("  → ", "dim"), error.hint]), soft_wrap=True)

    @contextmanager
    def bytes_bar(self, description: str, total: int) -> Iterator[Bar]:
        """A bar over bytes, on a terminal only."""
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        shown = self.err.is_terminal and not self.as_json
        with Progress(*columns, console=self.err, transient=True, disable=not shown) as progress:
            yield Bar(progress, progress.add_task(plain(description), total=total))

    @contextmanager
    def cells_bar(self, description: str) -> Iterator[Bar]:
        """A bar over a run's cells, on a terminal only."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

        text = TextColumn("{task.description}")
        columns = (SpinnerColumn(), text, BarColumn(), MofNCompleteColumn(), TextColumn("cells"), TimeElapsedColumn())
        shown = self.err.is_terminal and not self.as_json
        with Progress(*columns, console=self.err, transient=True, disable=not shown) as progress:
            yield Bar(progress, progress.add_task(plain(description), total=None))


class Bar:
    """One progress bar."""

    def __init__(self, progress: Progress, task: Any) -> None:
        self._progress, self._task = progress, task

    @property
    def hidden(self) -> bool:
        """Whether nobody sees it, because stderr is no terminal."""
        return bool(self._progress.disable)

    def advance(self, amount: int) -> None:
        self._progress.advance(self._task, amount)

    def show(self, description: str, done: int, total: int | None) -> None:
        self._progress.update(self._task, description=plain(description), completed=done, total=total)


def styled(text: str, style: str | None = None) -> Text:
    """Text in a style; by default the style of a state of that name."""
    from rich.text import Text

    return Text(text, style=style if style is not None else STYLES.get(text, ""))


def _joined(parts: Sequence[str | Text]) -> Text:
    from rich.text import Text

    # Never markup: names and messages come from others and may hold brackets.
    return Text().join(Text(plain(part)) if isinstance(part, str) else part for part in parts)


def _console(*, to_stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=to_stderr, highlight=False, emoji=False, markup=False)
    if not console.is_terminal:
        console.width = 10_000  # programs that read it want lines as they are
    return console
