"""`noteyard backup` and `noteyard restore`."""

from pathlib import Path
from typing import Annotated

import typer

from noteyard.commands.shared import StateOption, say, settings_of, state_of
from noteyard.sizes import in_words


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, e.g. noteyard-backup.tar.gz.")],
    without_database: Annotated[
        bool, typer.Option("--without-database", help="With `database_url` set: back that database up by other means.")
    ] = False,
    state: StateOption = None,
) -> None:
    """Write all that Noteyard keeps into one file.

    While it runs or not. The file holds secrets: keep it safe.
    """
    from noteyard.backup import write_backup
    from noteyard.errors import NoteyardError, NotFound
    from noteyard.instance import Instance

    settings = settings_of(state)
    if not settings.state.is_dir():
        raise NotFound(f"There is no state folder {settings.state}.", "Name it with --state.")
    if settings.database_url and not without_database:
        raise NoteyardError(
            "The database is not in the state folder (`database_url` is set), so this file would be without it.",
            "Back it up with its own tool at the same time (pg_dump), and add --without-database.",
        )
    if not file.absolute().parent.is_dir():
        raise NotFound(f"There is no folder {file.absolute().parent}.", "Make it first.")
    if file.absolute().is_relative_to(settings.state):
        raise NoteyardError(f"{file} is inside the state folder.", "Write the backup somewhere else.")
    size = write_backup(Instance.of(settings), file.absolute())
    say(f"Wrote {file} ({in_words(size)}).")


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
