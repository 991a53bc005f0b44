"""`noteyard up`, `down`, `status`: the installation as a whole."""

import json
import os
import signal
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated, Any

import typer

from noteyard.commands.shared import JsonOption, StateOption, say, settings_of, state_of, store_of, table

if TYPE_CHECKING:
    from noteyard.backends.local.part_health import PartHealth
    from noteyard.settings import Settings

DEGRADED, NOT_RUNNING = 1, 3
FIRST_ADMINISTRATOR = "admin"


def up(
    state: StateOption = None,
    port: Annotated[
        int | None,
        typer.Option(metavar="PORT", help="Port of hub, labs and dashboards; the next one is S3's.", min=1, max=65534),
    ] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return once it is up, and leave it running.")] = False,
) -> None:
    """Start Noteyard and keep it running until Ctrl-C."""
    from noteyard.backends.local import started
    from noteyard.backends.local.parts import local_parts
    from noteyard.backends.local.starting import AlreadyRunning, Starting
    from noteyard.settings_file import load

    settings = load(state, **({"port": port} if port is not None else {}))
    _check_login(settings)
    starting = Starting(settings, local_parts, started.chosen_environment(os.environ, port), say)
    # SIGINT too: a script's `make up &` starts with it ignored, and labs' and runs' kernels, which are interrupted by
    # it, would inherit that.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    say(f"Starting Noteyard (state folder {settings.state}) …")
    try:
        process = starting.start()
    except AlreadyRunning as running:
        if not detach:
            raise
        say(running.message)
        return
    _tell_where(settings)
    _tell_first_administrator(settings.state)
    if detach:
        process.returncode = 0  # it goes on without us: no complaint that nobody waits for it
        say("It goes on in the background; stop it with: noteyard down")
        return
    say("Stop it with Ctrl-C.")
    try:
        starting.keep(process)
    except KeyboardInterrupt:
        _stop(settings.state)
        process.wait()
    say("Noteyard has stopped.")


def _tell_where(settings: "Settings") -> None:
    from noteyard.backends.local.edge import awaits_certificates
    from noteyard.instance import Instance
    from noteyard.urls import PublicUrls

    say(f"\nNoteyard is running at {PublicUrls.of(settings).hub}")
    if awaits_certificates(settings, Instance.of(settings)):
        say("Its certificates are being asked for: browsers warn until they are there, in a minute or two.")
        say("What keeps them from coming is in: noteyard logs edge")


def down(state: StateOption = None) -> None:
    """Stop Noteyard and all that runs in it.

    Labs and dashboards end; runs that go on are interrupted and tried again at the next start.
    """
    folder = state_of(state)
    if not folder.is_dir() or not _stop(folder):
        say(f"Noteyard is not running (state folder {folder}).")
        return
    say("Noteyard has stopped.")


def status(state: StateOption = None, as_json: JsonOption = False) -> None:
    """Tell how each part is.

    Exit code: 0 all running, 1 some are not, 3 not running.
    """
    from noteyard.backends.local import started
    from noteyard.backends.local.part_health import health_of_parts

    folder = state_of(state)
    parts = health_of_parts(folder)
    running = started.read(folder)
    if as_json:
        content: dict[str, Any] = {
            "running": parts is not None,
            "state": str(folder),
            "url": running.url if running and parts is not None else None,
            "since": running.began.isoformat() if running and parts is not None else None,
            "parts": [{**vars(part), "since": part.since.isoformat()} for part in parts or []],
        }
        say(json.dumps(content, indent=1))
    elif parts is None:
        say(f"Noteyard is not running (state folder {folder}). Start it with: noteyard up")
    else:
        if running:
            say(f"Noteyard is running at {running.url} since {_local(running.began)} (state folder {folder}).\n")
        _print_parts(parts)
    raise typer.Exit(_exit_code(parts))


def _exit_code(parts: "list[PartHealth] | None") -> int:
    if parts is None:
        return NOT_RUNNING
    return 0 if all(part.state == "running" for part in parts) else DEGRADED


def _print_parts(parts: "list[PartHealth]") -> None:
    rows = [[part.name, part.state, _local(part.since), str(part.restarts), part.metrics] for part in parts]
    table(["part", "state", "since", "restarts", "metrics"], rows)
    for part in parts:
        if part.state in ("failing", "not answering"):
            say(f"\n{part.name} is {part.state}; it is tried again without end. Why: noteyard logs {part.name}")


def _local(moment: datetime) -> str:
    return moment.astimezone().isoformat(" ", "seconds") if moment > datetime.fromtimestamp(0, UTC) else "-"


def _stop(state: Path) -> bool:
    from noteyard.backends.local import started
    from noteyard.backends.local.stopping import stop_everything
    from noteyard.instance import Instance

    hurry = Event()

    def interrupted(*_: object) -> None:
        say("Not waiting for labs and runs to save any more …")
        hurry.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupted)
    say("Stopping … (Ctrl-C again: without waiting for runs to save)")
    instance = Instance(state)
    with started.alone(instance, say):
        started.forget(instance)
        return stop_everything(instance, say, hurry)


def _check_login(settings: "Settings") -> None:
    if not settings.login.local:
        from noteyard.oauth_classes import check_login

        check_login(settings)


def _tell_first_administrator(state: Path) -> None:
    from noteyard.passwords import new_password
    from noteyard.store.people import create_person, list_people

    login = settings_of(state).login
    if not login.local:
        who = f" Administrators are who is in {', '.join(login.admin_groups)} there." if login.admin_groups else ""
        say(f"People log in with {login.title}.{who}")
        return
    with store_of(state) as session:
        people = list_people(session, removed=True)
        if not people:
            password = new_password()
            create_person(session, FIRST_ADMINISTRATOR, password, admin=True, by="noteyard up")
    if not people:
        say(
            f"\n  Log in as    {FIRST_ADMINISTRATOR}\n  password     {password}\n\n"
            "This is the first administrator. The password is shown this once and is to be changed at the first login."
        )
    elif [account.name for account, _ in people] == [FIRST_ADMINISTRATOR] and people[0][0].must_change_password:
        say(
            f"Nobody has logged in yet: log in as {FIRST_ADMINISTRATOR}. "
            f"Lost the password? noteyard user password {FIRST_ADMINISTRATOR}"
        )
