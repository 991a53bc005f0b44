"""What the commands have in common: options, output to a person, and settings as the running installation has them."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from noteyard.settings import Settings

StateOption = Annotated[
    Path | None,
    typer.Option(
        "--state", metavar="DIR", help="State folder; NOTEYARD_STATE or ~/.noteyard when not given.", show_default=False
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def say(text: str) -> None:
    """Tell a person; the terminal may be gone by now, and what is being done matters more."""
    with suppress(OSError):
        print(text, flush=True)  # noqa: T201


def state_of(state: Path | None) -> Path:
    """The state folder that a command means."""
    from noteyard.settings_file import state_folder

    return state_folder(state)


def settings_of(state: Path | None) -> "Settings":
    """The settings; variables (NOTEYARD_…) and --port that the installation was started with count here too."""
    from noteyard.backends.local import started
    from noteyard.settings_file import load

    running = started.read(state_of(state))
    for name, value in (running.environment if running else {}).items():
        os.environ.setdefault(name, value)
    return load(state)


@contextmanager
def store_of(state: Path | None) -> Iterator["Session"]:
    """A transaction in the database, which is made or brought to the newest schema first."""
    from noteyard.instance import Instance
    from noteyard.store import Database
    from noteyard.store.database_errors import telling_of_database
    from noteyard.store.migrate import migrate

    settings = settings_of(state)
    instance = Instance.of(settings)
    database = Database(settings.database_url or instance.database_url)
    try:
        with telling_of_database(database.url):
            migrate(database, instance.run)
            with database.write() as session:
                yield session
    finally:
        database.close()


def table(headings: list[str], rows: list[list[str]]) -> None:
    """Print aligned columns."""
    widths = [max(len(row[column]) for row in [headings, *rows]) for column in range(len(headings))]
    for row in [headings, *rows]:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def on_terminal() -> bool:
    """Whether a person can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()
