"""`noteyard backup` and `noteyard restore`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from noteyard.commands.shared import StateOption, say, settings_of, state_of
from noteyard.sizes import in_words

if TYPE_CHECKING:
    from noteyard.settings import Settings


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, e.g. noteyard-backup.tar.gz.")],
    force: Annotated[bool, typer.Option("--force", help="Even if there is such a file; it is replaced.")] = False,
    without_database: Annotated[
        bool,
        typer.Option(
            "--without-database", help="With `database_url` or `hub_database_url` set: back these up by other means."
        ),
    ] = False,
    without_objects: Annotated[
        bool, typer.Option("--without-objects", help="With `objects.url` set: back that up by other means.")
    ] = False,
    state: StateOption = None,
) -> None:
    """Write all that Noteyard keeps into one file.

    While it runs or not. The file holds secrets: keep it safe.
    """
    from noteyard.backup import write_backup
    from noteyard.errors import NotFound
    from noteyard.instance import Instance

    settings = settings_of(state)
    if not settings.state.is_dir():
        raise NotFound(f"There is no state folder {settings.state}.", "Name it with --state.")
    _check_parts(settings, without_database=without_database, without_objects=without_objects)
    _check_target(file, settings.state, force=force)
    size = write_backup(Instance.of(settings), file.absolute())
    say(f"Wrote {file} ({in_words(size)}).")


def _check_parts(settings: "Settings", *, without_database: bool, without_objects: bool) -> None:
    from noteyard.errors import NoteyardError

    databases = {"database_url": settings.database_url, "hub_database_url": settings.hub_database_url}
    for option, url in databases.items():
        if url and not without_database:
            whose = "JupyterHub's" if option == "hub_database_url" else "The"
            raise NoteyardError(
                f"{whose} database is not in the state folder (`{option}` is set), so this file would be without it.",
                "Back it up with its own tool at the same time (pg_dump), and add --without-database.",
            )
    if settings.objects.url and not without_objects:
        raise NoteyardError(
            f"Releases and outputs are in {settings.objects.url} (`objects.url` is set), so this file would be without "
            "them.",
            "Back that up by its own means, after the databases, and add --without-objects.",
        )


def _check_target(file: Path, state: Path, *, force: bool) -> None:
    from noteyard.errors import Conflict, NoteyardError, NotFound

    target = file.absolute()
    if not target.parent.is_dir():
        raise NotFound(f"There is no folder {target.parent}.", "Make it first.")
    if target.is_relative_to(state):
        raise NoteyardError(f"{file} is inside the state folder.", "Write the backup somewhere else.")
    if target.is_dir():
        raise NoteyardError(f"{file} is a folder.", f"Name a file, e.g. {file / 'noteyard-backup.tar.gz'}.")
    if target.exists() and not force:
        raise Conflict(f"There is already a file {file}.", "Name another, or add --force: it is replaced then.")


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `noteyard backup` wrote.")],
    force: Annotated[
        bool, typer.Option("--force", help="Even if the state folder is not empty; what is there is kept beside it.")
    ] = False,
    state: StateOption = None,
) -> None:
    """Put a backup in place of the state folder.

    Noteyard must not be running there.
    """
    from noteyard.backends.local.supervisor_client import SupervisorClient
    from noteyard.backup import read_manifest, restore_backup
    from noteyard.errors import Conflict
    from noteyard.instance import Instance

    folder = state_of(state)
    if SupervisorClient(Instance(folder)).pid() is not None:
        raise Conflict(f"Noteyard is running in {folder}.", "Stop it first: noteyard down")
    manifest = read_manifest(file)
    kept = restore_backup(file, folder, force=force)
    say(f"Restored {folder} as it was on {manifest.made[:16].replace('T', ' ')} UTC (Noteyard {manifest.version}).")
    if kept is not None:
        say(f"What was there before is in {kept}.")
