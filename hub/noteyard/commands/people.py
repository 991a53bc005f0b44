"""`noteyard user`: people and their groups."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from noteyard.commands.shared import JsonOption, StateOption, on_terminal, say, settings_of, store_of, table

if TYPE_CHECKING:
    from noteyard.store.tables import Account

BY = "command line"

app = typer.Typer(no_args_is_help=True, help="People and their groups.")
Name = Annotated[str, typer.Argument(help="Name they log in with.")]
PasswordStdin = Annotated[bool, typer.Option("--password-stdin", help="Read the password from standard input.")]


@app.command()
def add(
    name: Name,
    admin: Annotated[bool, typer.Option("--admin", help="Make them an administrator.")] = False,
    group: Annotated[
        list[str] | None, typer.Option(metavar="GROUP", help="Put them into a group; may be repeated.")
    ] = None,
    password_stdin: PasswordStdin = False,
    state: StateOption = None,
) -> None:
    """Add a person. They change the password at their first login; where a provider logs people in, they have none."""
    from noteyard.store.people import create_person, set_groups

    login = settings_of(state).login
    login.need_own(groups=bool(group), admin=admin)
    if password_stdin:
        login.need_local()
    password, made = _password(password_stdin) if login.local else (None, False)
    with store_of(state) as session:
        create_person(session, name, password, admin=admin, by=BY)
        if group:
            set_groups(session, name, group, by=BY)
    say(f"Added {name}{', an administrator' if admin else ''}.")
    if password is None:
        rule = "" if login.allow_registered or login.allow_all else ", if a rule of the settings allows them"
        say(f"They log in with {login.title}{rule}.")
    else:
        _tell(password, made)


@app.command("list")
def list_(
    state: StateOption = None,
    as_json: JsonOption = False,
    removed: Annotated[bool, typer.Option("--removed", help="Those who were removed, too.")] = False,
) -> None:
    """List people with their groups."""
    from noteyard.store.people import list_people

    with store_of(state) as session:
        people = list_people(session, removed=removed)
    if as_json:
        say(json.dumps([_row(account, groups) for account, groups in people], indent=1))
        return
    if not people:
        say("There is nobody yet. Add the first: noteyard user add NAME --admin")
        return
    rows = [[a.name, "yes" if a.admin else "", ", ".join(groups), _condition(a), _seen(a)] for a, groups in people]
    table(["name", "admin", "groups", "state", "last seen"], rows)


@app.command()
def disable(name: Name, state: StateOption = None) -> None:
    """Shut a person out at once.

    Sessions, tokens and lab end, schedules pause. Their data stays.
    """
    from noteyard.store.people import disable_person

    with store_of(state) as session:
        disable_person(session, name, by=BY)
    say(f"Disabled {name}. Let them in again with: noteyard user enable {name}")


@app.command()
def enable(name: Name, state: StateOption = None) -> None:
    """Let a disabled person in again. Their schedules stay paused until somebody resumes them."""
    from noteyard.store.people import enable_person

    with store_of(state) as session:
        enable_person(session, name, by=BY)
    say(f"Enabled {name}.")


@app.command()
def remove(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    state: StateOption = None,
) -> None:
    """Disable a person for good. What they own stays and can be transferred; the name is not used again."""
    from noteyard.errors import NoteyardError
    from noteyard.store.people import get_account, remove_person

    with store_of(state) as session:
        get_account(session, name)
    if not yes:
        if not on_terminal():
            raise NoteyardError(f"Removing {name!r} can't be undone, and nobody can be asked here.", "Add --yes.")
        typer.confirm(f"Remove {name}? This can't be undone, and the name can't be used again.", abort=True, err=True)
    with store_of(state) as session:
        remove_person(session, name, by=BY)
    say(f"Removed {name}.")


@app.command()
def purge(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    state: StateOption = None,
) -> None:
    """Delete what a removed person left, for good.

    What was transferred and the team's data stay.
    """
    from noteyard.backends import platform
    from noteyard.errors import NoteyardError
    from noteyard.purges import Loss
    from noteyard.store.purging import holdings_of, removed_account, want_purge

    with store_of(state) as session:
        removed_account(session, name)
        held = holdings_of(session, name)
    loss = Loss(held, platform(settings_of(state)).personal_data(name))
    say(f"For good, of {name}'s, goes: {'; '.join(loss.in_words()) or 'nothing that can be counted'}.")
    if not yes:
        if not on_terminal():
            raise NoteyardError(f"Purging {name!r} can't be undone, and nobody can be asked here.", "Add --yes.")
        if typer.prompt(f"Type {name} to delete it", err=True) != name:
            raise NoteyardError("Nothing was deleted: what was typed is not the name.")
    with store_of(state) as session:
        want_purge(session, name, loss.counts(), by=BY)
    say(f"What {name} left is being deleted; where Noteyard does not run, at its next start.")


@app.command()
def password(name: Name, password_stdin: PasswordStdin = False, state: StateOption = None) -> None:
    """Give a person a new password.

    Their browser sessions end, and they change it at the next login.
    """
    from noteyard.store.people import get_account, set_password

    settings_of(state).login.need_local()
    with store_of(state) as session:
        get_account(session, name)
    word, made = _password(password_stdin)
    with store_of(state) as session:
        set_password(session, name, word, must_change=True, by=BY)
    say(f"{name} has a new password.")
    _tell(word, made)


@app.command()
def relink(
    names: Annotated[list[str], typer.Argument(help="Names they are to log in with at the provider.")],
    state: StateOption = None,
) -> None:
    """Let the next login by the provider under these names be these people; passwords and logins known before end."""
    from noteyard.errors import Conflict
    from noteyard.store.people import forget_identity

    login = settings_of(state).login
    if login.local:
        raise Conflict("People have local accounts here.", "This is for logins by a provider: see docs/login.md.")
    with store_of(state) as session:
        for name in names:
            forget_identity(session, name, by=BY)
    say(f"Their next login with {login.title} makes these accounts theirs: {', '.join(names)}.")


@app.command()
def groups(
    name: Name,
    group: Annotated[list[str] | None, typer.Argument(help="The groups they are to be in; none: in no group.")] = None,
    state: StateOption = None,
) -> None:
    """Put a person into exactly these groups."""
    from noteyard.store.people import set_groups

    settings_of(state).login.need_own(groups=True)
    with store_of(state) as session:
        set_groups(session, name, group or [], by=BY)
    say(f"{name} is in {', '.join(sorted(group)) if group else 'no group'}.")


@app.command()
def admin(
    name: Name,
    off: Annotated[bool, typer.Option("--off", help="No longer.")] = False,
    state: StateOption = None,
) -> None:
    """Make a person an administrator."""
    from noteyard.store.people import set_admin

    settings_of(state).login.need_own(admin=True)
    with store_of(state) as session:
        set_admin(session, name, not off, by=BY)
    say(f"{name} is {'no longer ' if off else ''}an administrator.")


def _password(from_stdin: bool) -> tuple[str, bool]:
    """The password, and whether it was made up here because nobody could be asked."""
    from noteyard.passwords import new_password

    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n"), False
    if on_terminal():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt="Again", err=True)), False
    return new_password(), True


def _tell(password: str, made: bool) -> None:
    if made:
        say(f"Their first password, shown this once: {password}")


def _condition(account: "Account") -> str:
    if account.purged is not None:
        return "purged" if account.hub_cleared else "being purged"
    if account.removed is not None:
        return "removed"
    return "disabled" if account.disabled else "no access" if account.refused else ""


def _seen(account: "Account") -> str:
    return account.last_seen.astimezone().strftime("%Y-%m-%d %H:%M") if account.last_seen else "never"


def _row(account: "Account", groups: list[str]) -> dict[str, object]:
    return {
        "name": account.name,
        "admin": account.admin,
        "groups": groups,
        "disabled": account.disabled,
        "removed": account.removed is not None,
        "created": account.created.isoformat(),
        "last_seen": account.last_seen.isoformat() if account.last_seen else None,
    }
