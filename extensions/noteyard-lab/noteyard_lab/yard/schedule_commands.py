"""`yard schedule`: create, list, look, move, pause, resume, run now, test alerts, delete, and the next due times."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from noteyard_lab.yard.api import Access, Api, Json, segment
from noteyard_lab.yard.errors import ExitCode, YardError
from noteyard_lab.yard.options import ExecutionOptions, Options, command
from noteyard_lab.yard.releasing import make_release, parameter_values, tell_left_out
from noteyard_lab.yard.schedule_words import state_of, tell_rule, undelivered
from noteyard_lab.yard.screen import Screen, plain, styled
from noteyard_lab.yard.times import duration, local, local_zone

FIRES_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class CreateOptions(ExecutionOptions):
    """A schedule to make."""

    cron: Annotated[
        str, typer.Option("--cron", metavar="RULE", help="When, quoted: '0 6 * * *' is daily at 6; or @hourly, @daily.")
    ]
    timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="ZONE", help="Such as Europe/Berlin; else this computer's.")
    ] = None
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="What to call it; else as the notebook.")
    ] = None
    catch_up: Annotated[
        str | None,
        typer.Option("--catch-up", metavar="all|last|none", help="What to run that was due during an outage."),
    ] = None
    catch_up_window: Annotated[
        str | None, typer.Option("--catch-up-window", metavar="TIME", help="How far back to catch up: 12h, 7d.")
    ] = None
    overlap: Annotated[
        str | None,
        typer.Option("--overlap", metavar="skip|queue|allow", help="What to do when the last run still goes on."),
    ] = None
    mail: Annotated[
        list[str], typer.Option("--mail", metavar="ADDRESS", help="Who gets mail when runs fail and work again.")
    ] = field(default_factory=list)
    webhooks: Annotated[
        list[str], typer.Option("--webhook", metavar="URL", help="Address that is told the same, Slack's for instance.")
    ] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class OneSchedule(Options):
    """A schedule that there is."""

    schedule: Annotated[str, typer.Argument(metavar="SCHEDULE", help="Its id or its name, as the list shows them.")]


@dataclass(frozen=True, kw_only=True)
class NextOptions(Options):
    """A schedule, or a rule that is none yet."""

    schedule: Annotated[str, typer.Argument(metavar="SCHEDULE|RULE", help="A schedule, or a rule such as '0 6 * * *'.")]
    timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="ZONE", help="Of the rule; else this computer's.")
    ] = None


def add_to(app: typer.Typer) -> None:
    """Add the group of commands to the app."""
    group = typer.Typer(help="Run notebooks by themselves at given times.", no_args_is_help=True, rich_markup_mode=None)
    command(group, "create", CreateOptions)(create)
    command(group, "list", Options)(list_schedules)
    command(group, "show", OneSchedule)(show)
    command(group, "next", NextOptions)(upcoming)
    command(group, "move", OneSchedule)(move)
    command(group, "pause", OneSchedule)(pause)
    command(group, "resume", OneSchedule)(resume)
    command(group, "run-now", OneSchedule)(run_now)
    command(group, "test-alerts", OneSchedule)(send_test)
    command(group, "delete", OneSchedule)(delete)
    app.add_typer(group, name="schedule")


def create(options: CreateOptions, screen: Screen) -> None:
    """Put a notebook on a schedule.

    Values may be templates of the due time: -p day='{{ due | date }}'.
    """
    optional = {
        "catch_up": options.catch_up,
        "catch_up_window": duration(options.catch_up_window, "--catch-up-window"),
        "overlap": options.overlap,
        "timeout": duration(options.timeout, "--timeout"),
    }
    api = Api(Access.from_environment())
    rule = {"cron": options.cron, "timezone": options.timezone or local_zone()}
    api.post("/schedules/preview", rule)  # a wrong rule is refused before anything is sent
    values = parameter_values(api, options.notebook, options.parameters)
    release = make_release(api, options, screen)
    body = {
        "name": options.name or Path(options.notebook).stem,
        "release": release["id"],
        **rule,
        "parameters": values,
        "retries": options.retries,
        "alerts": {"mail": options.mail, "webhooks": options.webhooks},
        **{name: value for name, value in optional.items() if value is not None},
    }
    schedule = api.post("/schedules", body)
    if screen.as_json:
        screen.result(schedule)
        return
    screen.line("Schedule ", styled(schedule["id"], "bold"), f"  {schedule['url']}")
    tell_rule(schedule, screen)


def list_schedules(options: Options, screen: Screen) -> None:
    """List schedules."""
    schedules = Api(Access.from_environment()).items("/schedules")
    if screen.as_json:
        screen.result({"items": schedules})
        return
    screen.table(
        ("Schedule", "Name", "Notebook", "When", "Next", "State"),
        [
            (
                item["id"],
                item["name"],
                item["notebook"],
                item["cron"],
                "" if item["paused"] or not item["upcoming"] else local(item["upcoming"][0]) or "",
                state_of(item),
            )
            for item in schedules
        ],
        "No schedules yet. `yard schedule create NOTEBOOK --cron '0 6 * * *'` makes one.",
    )


def show(options: OneSchedule, screen: Screen) -> None:
    """Show a schedule and what became of it.

    The next due times, and the runs of the last ones.
    """
    api = Api(Access.from_environment())
    schedule = find(api, options.schedule)
    fires = api.items(f"/schedules/{schedule['id']}/fires", FIRES_SHOWN)
    if screen.as_json:
        screen.result({**schedule, "fires": fires})
        return
    behind = schedule["releases_behind"]
    screen.facts(
        [
            ("Schedule", schedule["id"]),
            ("Name", schedule["name"]),
            ("State", styled(state_of(schedule))),
            ("", schedule["paused_reason"]),
            ("Owner", schedule["owner"]),
            ("Notebook", schedule["notebook"]),
            (
                "Release",
                schedule["release"][:12]
                + (f" ({behind} newer: yard schedule move {schedule['id']})" if behind else ""),
            ),
            *((f"  {name}", plain(value)) for name, value in schedule["parameters"].items()),
            ("Catch up", f"{schedule['catch_up']}, within {schedule['catch_up_window'] / 3600:g} h"),
            ("Overlap", schedule["overlap"]),
            *(("Not told", line) for line in undelivered(schedule)),
            ("Page", schedule["url"]),
        ]
    )
    tell_rule(schedule, screen)
    screen.line()
    screen.table(
        ("Due", "", "Run", "Reason"),
        [(local(it["due"]) or "", styled(it["state"]), it["run"] or "", it["reason"] or "") for it in fires],
        "It has not fired yet.",
    )


def upcoming(options: NextOptions, screen: Screen) -> None:
    """Show the next five due times.

    Of a schedule, or of a rule before it is one: yard schedule next '0 6 * * *'.
    """
    api = Api(Access.from_environment())
    if " " in options.schedule.strip() or options.schedule.startswith("@"):
        rule = {"cron": options.schedule, "timezone": options.timezone or local_zone()}
        answer = {**rule, **api.post("/schedules/preview", rule)}
    else:
        answer = find(api, options.schedule)
    if screen.as_json:
        screen.result({name: answer[name] for name in ("cron", "timezone", "description", "upcoming")})
        return
    if answer.get("paused"):
        screen.line("It is paused. Resumed, it would run:")
    tell_rule(answer, screen)


def move(options: OneSchedule, screen: Screen) -> None:
    """Move it to the newest release of its notebook."""
    api = Api(Access.from_environment())
    schedule = find(api, options.schedule)
    newest, before = schedule["newest_release"] or schedule["release"], schedule["parameters"]
    if newest != schedule["release"]:
        schedule = api.patch(f"/schedules/{schedule['id']}", {"release": newest})
    if screen.as_json:
        screen.result(schedule)
    else:
        screen.line(f"Schedule {schedule['id']} ({schedule['name']}) runs the newest release, {newest[:12]}.")
        tell_left_out([name for name in before if name not in schedule["parameters"]], screen)


def pause(options: OneSchedule, screen: Screen) -> None:
    """Let it rest until it is resumed."""
    _change(options, screen, "pause", "is paused")


def resume(options: OneSchedule, screen: Screen) -> None:
    """Let it go on."""
    _change(options, screen, "resume", "goes on")


def run_now(options: OneSchedule, screen: Screen) -> None:
    """Run it once now, whatever its rule says."""
    api = Api(Access.from_environment())
    run = api.post(f"/schedules/{find(api, options.schedule)['id']}/run")
    if screen.as_json:
        screen.result(run)
    else:
        screen.line("Run ", styled(run["id"], "bold"), f"  {run['url']}")


def send_test(options: OneSchedule, screen: Screen) -> None:
    """Send a test to everybody whom its alerts name."""
    api = Api(Access.from_environment())
    schedule = api.post(f"/schedules/{find(api, options.schedule)['id']}/alerts/test")
    if screen.as_json:
        screen.result(schedule)
        return
    names = [*schedule["alerts"]["mail"], *(urlsplit(url).netloc for url in schedule["alerts"]["webhooks"])]
    screen.line(f"A test is on its way to {', '.join(names)}. `yard schedule show` tells what does not arrive.")


def delete(options: OneSchedule, screen: Screen) -> None:
    """Delete it; its runs and history are kept."""
    api = Api(Access.from_environment())
    schedule = find(api, options.schedule)
    api.delete(f"/schedules/{schedule['id']}")
    if screen.as_json:
        screen.result({"deleted": schedule["id"]})
    else:
        screen.line(f"Schedule {schedule['id']} ({schedule['name']}) is deleted.")


def find(api: Api, wanted: str) -> Json:
    """The schedule with this id or, when there is just one, this name; raises YardError."""
    try:
        found: Json = api.get(f"/schedules/{segment(wanted)}")
        return found
    except YardError as error:
        if error.status not in (404, 422):
            raise
    named = [item for item in api.items("/schedules") if item["name"] == wanted]
    if len(named) == 1:
        return named[0]
    if named:
        ids = ", ".join(item["id"] for item in named)
        raise YardError(f"{len(named)} schedules are called {wanted!r}: {ids}.", "Name one by its id.")
    raise YardError(
        f"There is no schedule {wanted!r}.", "`yard schedule list` shows them.", code=ExitCode.REFUSED, status=404
    )


def _change(options: OneSchedule, screen: Screen, verb: str, words: str) -> None:
    api = Api(Access.from_environment())
    schedule = api.post(f"/schedules/{find(api, options.schedule)['id']}/{verb}")
    if screen.as_json:
        screen.result(schedule)
        return
    screen.line(f"Schedule {schedule['id']} ({schedule['name']}) {words}.")
    if not schedule["paused"]:
        tell_rule(schedule, screen)
