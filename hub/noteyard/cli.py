"""The `noteyard` command: sets up, runs and administers an installation on its machine."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from noteyard.commands import people
from noteyard.commands.backups import backup, restore
from noteyard.commands.configuration import app as configuration
from noteyard.commands.logs import logs
from noteyard.commands.running import down, status, up
from noteyard.commands.tokens import token

app = typer.Typer(
    name="noteyard",
    help="Noteyard: labs, scheduled runs and dashboards for a team, on this machine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def tell_version(wanted: bool) -> None:
    """Print the version and end, when that is wanted."""
    if wanted:
        print(f"noteyard {version('noteyard')}")  # noqa: T201
        raise typer.Exit


@app.callback()
def before(
    _: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=tell_version)] = (
        False
    ),
) -> None:
    """What may come before a command."""


app.command()(up)
app.command()(down)
app.command()(status)
app.command()(logs)
app.add_typer(people.app, name="user")
app.command()(token)
app.add_typer(configuration, name="config")
app.command()(backup)
app.command()(restore)


def main() -> None:
    """Run the command; what can be said in a sentence ends with code 1, not with a traceback."""
    from noteyard.errors import NoteyardError
    from noteyard.file_errors import telling

    try:
        with telling():
            app()
    except NoteyardError as error:
        print(f"{error.message}{f' {error.hint}' if error.hint else ''}", file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:  # `noteyard logs | head`
        sys.stderr.close()
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
