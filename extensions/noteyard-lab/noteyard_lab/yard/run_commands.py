"""`yard run` and what follows: list, look, log, cancel, download."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from noteyard_lab.yard.api import Access, Api, Json, segment
from noteyard_lab.yard.downloads import DownloadOptions, download
from noteyard_lab.yard.errors import CODE_OF_STATE, ExitCode
from noteyard_lab.yard.following import follow
from noteyard_lab.yard.options import ExecutionOptions, Options, command
from noteyard_lab.yard.releasing import make_release, parameter_values
from noteyard_lab.yard.screen import Bar, Screen, plain, styled
from noteyard_lab.yard.times import duration, local, size, span

TRACEBACK_LINES = 20


@dataclass(frozen=True, kw_only=True)
class RunOptions(ExecutionOptions):
    """A run to start."""

    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait for the end; the exit code then tells how it went.")
    ] = False


@dataclass(frozen=True, kw_only=True)
class OneRun(Options):
    """A run that there is."""

    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id, as `yard runs` shows it.")]


@dataclass(frozen=True, kw_only=True)
class LogOptions(OneRun):
    """A run's log."""

    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run is over.")] = False


@dataclass(frozen=True, kw_only=True)
class ListOptions(Options):
    """Which runs to list."""

    state: Annotated[str | None, typer.Option("--state", help="Only in this state: queued, running, failed, …")] = None
    owner: Annotated[str | None, typer.Option("--owner", metavar="NAME", help="Only this person's.")] = None
    schedule: Annotated[str | None, typer.Option("--schedule", metavar="ID", help="Only this schedule's.")] = None
    notebook: Annotated[str | None, typer.Option("--notebook", metavar="PATH", help="Only of this notebook.")] = None
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many at most.")] = 20


def add_to(app: typer.Typer) -> None:
    """Add the commands to the app."""
    command(app, "run", RunOptions)(start)
    command(app, "runs", ListOptions)(list_runs)
    command(app, "show", OneRun)(show)
    command(app, "logs", LogOptions)(logs)
    command(app, "cancel", OneRun)(cancel)
    command(app, "download", DownloadOptions)(download)


def start(options: RunOptions, screen: Screen) -> ExitCode:
    """Run a notebook with parameters.

    It runs apart from your lab, with the same data, and goes on when the lab stops.
    """
    timeout = duration(options.timeout, "--timeout")
    api = Api(Access.from_environment())
    values = parameter_values(api, options.notebook, options.parameters)
    release = make_release(api, options, screen)
    body = {"release": release["id"], "parameters": values, "timeout": timeout, "retries": options.retries}
    run: Json = api.post("/runs", body)
    screen.note(run["url"])
    if options.wait:
        return wait(api, run, screen)
    if screen.as_json:
        screen.result(run)
    else:
        screen.line(run["id"])
    return ExitCode.DONE


def wait(api: Api, run: Json, screen: Screen) -> ExitCode:
    """Show the run's progress until it is over, then how it went; the exit code says it too."""
    try:
        with screen.cells_bar(run["notebook"]) as bar:
            for change in follow(api, run["id"]):
                if change.run is not None:
                    _progress(bar, screen, run["state"], change.run)
                    run = change.run
    except KeyboardInterrupt:
        screen.note(f"yard stopped watching; the run goes on. To end it: yard cancel {run['id']}")
        return ExitCode.STOPPED
    if screen.as_json:
        screen.result(run)
    else:
        _summary(run, screen)
    return CODE_OF_STATE.get(run["state"], ExitCode.LOST)


def list_runs(options: ListOptions, screen: Screen) -> None:
    """List runs, newest first."""
    api = Api(Access.from_environment())
    filters = {"state": options.state, "owner": options.owner, "schedule": options.schedule}
    runs = api.items("/runs", options.limit, notebook=options.notebook, **filters)
    if screen.as_json:
        screen.result({"items": runs})
        return
    screen.table(
        ("Run", "State", "Notebook", "Owner", "Created", "Took"),
        [
            (
                run["id"],
                styled(run["state"]),
                run["notebook"],
                run["owner"],
                local(run["created"]) or "",
                span(run) or "",
            )
            for run in runs
        ],
        "No runs yet. `yard run NOTEBOOK` makes one.",
    )


def show(options: OneRun, screen: Screen) -> None:
    """Show a run, and why it failed if it did."""
    api = Api(Access.from_environment())
    run = api.get(f"/runs/{segment(options.run)}")
    if screen.as_json:
        screen.result(run)
        return
    outputs = api.get(f"/runs/{segment(options.run)}/outputs") if run["ended"] else []
    screen.facts(
        [
            ("Run", run["id"]),
            ("State", styled(run["state"])),
            ("Notebook", run["notebook"]),
            ("Release", run["release"][:12]),
            ("Owner", run["owner"]),
            *((f"  {name}", plain(value)) for name, value in run["parameters"].items()),
            ("Created", local(run["created"])),
            ("Started", local(run["started"])),
            ("Ended", local(run["ended"])),
            ("Took", span(run)),
            ("Attempt", str(run["attempt"])),
            ("Cells", f"{run['cells_done']} of {run['cells']}" if run["cells"] is not None else None),
            ("Schedule", run["schedule"]),
            ("Due", local(run["due"])),
            ("Outputs", ", ".join(f"{item['name']} ({size(item['size'])})" for item in outputs) or None),
            ("Page", run["url"]),
        ]
    )
    if run["error"]:
        screen.line()
        _failure(run["error"], screen.line)


def logs(options: LogOptions, screen: Screen) -> ExitCode:
    """Print what a run has printed so far."""
    api = Api(Access.from_environment())
    if options.follow:
        return _follow_log(api, options.run, screen)
    text = api.text(f"/runs/{segment(options.run)}/log")
    if screen.as_json:
        screen.result({"run": options.run, "log": text})
    else:
        screen.raw(text)
    return ExitCode.DONE


def cancel(options: OneRun, screen: Screen) -> None:
    """Stop a run; it keeps what it has so far."""
    run = Api(Access.from_environment()).post(f"/runs/{segment(options.run)}/cancel")
    if screen.as_json:
        screen.result(run)
    elif run["ended"]:
        screen.line(f"Run {run['id']} is over: ", styled(run["state"]))
    else:
        screen.line(f"Run {run['id']} is being stopped.")


def _follow_log(api: Api, run: str, screen: Screen) -> ExitCode:
    ended = None
    for change in follow(api, run):
        ended = change.run or ended
        if screen.as_json:
            told = {"text": change.text} if change.run is None else {"run": change.run}
            screen.event({"event": change.kind, **told})
        elif change.kind == "log":
            screen.raw(change.text)
    return CODE_OF_STATE.get(ended["state"], ExitCode.LOST) if ended else ExitCode.DONE


def _progress(bar: Bar, screen: Screen, before: str, run: Json) -> None:
    bar.show(f"{run['notebook']} · {run['state']}", run["cells_done"], run["cells"])
    if bar.hidden and run["state"] != before:
        screen.note(f"{run['notebook']}: {run['state']}")


def _summary(run: Json, screen: Screen) -> None:
    took = span(run)
    screen.line(styled(run["state"]), f" after {took}" if took else "", f"  {run['url']}")
    if run["error"]:
        _failure(run["error"], screen.line)
    elif run["state"] == "succeeded":
        screen.line(f"yard download {run['id']}")


def _failure(error: Json, line: Any) -> None:
    where = f"cell {error['cell'] + 1}: " if error["cell"] is not None else ""
    line(styled(f"{where}{error['name']}: ", "red"), error["message"])
    if error.get("hint"):
        line(styled("  → ", "dim"), error["hint"])
    traceback = str(error.get("traceback") or "").rstrip().splitlines()
    if len(traceback) > TRACEBACK_LINES:
        line(styled(f"… {len(traceback) - TRACEBACK_LINES} lines before these, in `yard logs`", "dim"))
    for text in traceback[-TRACEBACK_LINES:]:
        line(styled(plain(text), "dim"))
