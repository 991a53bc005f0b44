"""The `yard` command line."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from noteyard_lab.yard import dashboard_commands, parameter_commands, run_commands, schedule_commands
from noteyard_lab.yard.errors import EXIT_CODES_HELP

HELP = """Run notebooks, put them on a schedule, publish them as dashboards.

In a lab nothing needs to be set up. Elsewhere set NOTEYARD_URL to Noteyard's address and NOTEYARD_TOKEN to a token.
"""


def make_app() -> typer.Typer:
    """The app with all its commands."""
    app = typer.Typer(
        name="yard",
        help=HELP,
        epilog=EXIT_CODES_HELP,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_before)
    run_commands.add_to(app)
    schedule_commands.add_to(app)
    dashboard_commands.add_to(app)
    parameter_commands.add_to(app)
    return app


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"yard {version('noteyard-lab')}")
        raise typer.Exit


def _before(
    _: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_tell_version)] = (
        False
    ),
) -> None:
    """What may come before a command."""


def main() -> None:
    """Entry point of `yard`."""
    try:
        make_app()()
    except BrokenPipeError:
        # `yard logs RUN | head`: who reads has enough. Closing stderr keeps Python from complaining at exit.
        sys.stderr.close()
        sys.exit(0)
