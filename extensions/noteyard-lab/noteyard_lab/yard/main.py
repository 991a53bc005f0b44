"""The `yard` command line."""

from __future__ import annotations

import sys

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
    run_commands.add_to(app)
    schedule_commands.add_to(app)
    dashboard_commands.add_to(app)
    parameter_commands.add_to(app)
    return app


def main() -> None:
    """Entry point of `yard`."""
    try:
        make_app()()
    except BrokenPipeError:
        # `yard logs RUN | head`: who reads has enough. Closing stderr keeps Python from complaining at exit.
        sys.stderr.close()
        sys.exit(0)
