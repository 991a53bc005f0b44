"""`noteyard token`: API tokens for programs."""

from typing import Annotated

import typer

from noteyard.commands.shared import StateOption, say, settings_of, store_of


def token(
    name: Annotated[str, typer.Argument(help="Whose token it is: programs that have it act as this person.")],
    scope: Annotated[
        list[str] | None,
        typer.Option(metavar="SCOPE", help="read, write (includes read) or admin; may be repeated. Default: read."),
    ] = None,
    note: Annotated[
        str, typer.Option(metavar="TEXT", help="What it is for; shown on the person's token page.")
    ] = "command line",
    days: Annotated[
        float | None, typer.Option(metavar="DAYS", help="Days until it ends; without it, it does not end.", min=0)
    ] = None,
    state: StateOption = None,
) -> None:
    """Make an API token and print it, this once.

    It is for Noteyard's API alone: it opens no lab.
    """
    from noteyard.hub_tokens import make_token
    from noteyard.instance import Instance
    from noteyard.store.audit import record
    from noteyard.store.people import get_active

    settings = settings_of(state)
    database = settings.hub_database_url or Instance.of(settings).hub_database_url
    scopes = scope or ["read"]
    with store_of(state) as session:
        get_active(session, name)
        made = make_token(database, name, scopes, note, round(days * 86400) if days is not None else None)
        record(session, "command line", "token.create", name, {"scopes": scopes, "note": note})
    say(made)
