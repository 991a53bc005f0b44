"""`yard publish` and `yard dashboards`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from noteyard_lab.yard import dashboard_changes
from noteyard_lab.yard.api import Access, Api, Json, segment
from noteyard_lab.yard.errors import ExitCode, YardError
from noteyard_lab.yard.options import Options, ParameterOptions, by_default, command
from noteyard_lab.yard.releasing import make_release, parameter_values, tell_left_out
from noteyard_lab.yard.screen import Screen, styled
from noteyard_lab.yard.times import local

LOOK_AGAIN = 0.5  # seconds
CHANGEABLE = ("title", "description", "audience", "people", "groups", "reads_viewer")


@dataclass(frozen=True, kw_only=True)
class PublishOptions(ParameterOptions):
    """A dashboard to make, or to publish again."""

    slug: Annotated[str, typer.Option("--slug", metavar="NAME", help="The last part of its link: /d/NAME/.")]
    title: Annotated[str | None, typer.Option("--title", help="What it is called; else as the notebook.")] = None
    description: Annotated[str | None, typer.Option("--description", help="One or two sentences about it.")] = None
    audience: Annotated[
        str | None,
        typer.Option("--audience", metavar="me|people|groups|users|public", help="Who may open it; at first only you."),
    ] = None
    people: Annotated[
        list[str], typer.Option("--person", metavar="NAME", help="Somebody who may open it (audience people).")
    ] = field(default_factory=list)
    groups: Annotated[
        list[str], typer.Option("--group", metavar="NAME", help="A group that may open it (audience groups).")
    ] = field(default_factory=list)
    reads_viewer: Annotated[
        bool | None,
        typer.Option("--reads-viewer/--no-reads-viewer", help="Whether the notebook asks who is looking."),
    ] = None
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is rendered.")] = False


def add_to(app: typer.Typer) -> None:
    """Add the commands to the app."""
    command(app, "publish", PublishOptions)(publish)
    group = typer.Typer(rich_markup_mode=None)
    by_default(group, Options)(list_dashboards)
    dashboard_changes.add_to(group)
    app.add_typer(group, name="dashboards")


def publish(options: PublishOptions, screen: Screen) -> ExitCode:
    """Publish a notebook as a dashboard.

    Under a slug that you have published before, it becomes the next version.
    """
    api = Api(Access.from_environment())
    values = parameter_values(api, options.notebook, options.parameters)
    known = _known(api, options.slug)
    release = make_release(api, options, screen)
    given = {name: getattr(options, name) for name in CHANGEABLE if getattr(options, name) not in (None, [])}
    path = f"/dashboards/{segment(options.slug)}"
    if known is None:
        body = {"title": Path(options.notebook).stem, **given, "slug": options.slug, "parameters": values}
        dashboard: Json = api.post("/dashboards", {**body, "release": release["id"]})
    else:
        dashboard = api.post(f"{path}/versions", {"release": release["id"], "parameters": values or None})
        if not values:
            tell_left_out(_unknown(known["parameters"], release["schema"]), screen)
        if given:
            dashboard = api.patch(path, given)
    if options.wait:
        dashboard = _rendered(api, path, dashboard)
    return _published(dashboard, screen)


def list_dashboards(options: Options, screen: Screen) -> None:
    """List the dashboards that you may open, or change one."""
    dashboards = Api(Access.from_environment()).items("/dashboards")
    if screen.as_json:
        screen.result({"items": dashboards})
        return
    screen.table(
        ("Slug", "Title", "Owner", "Audience", "State", "Rendered", "Link"),
        [
            (
                item["slug"],
                item["title"],
                item["owner"],
                item["audience"],
                styled(item["state"]),
                local(item["rendered"]) or "",
                item["url"],
            )
            for item in dashboards
        ],
        "No dashboards yet. `yard publish NOTEBOOK --slug NAME` makes one.",
    )


def _known(api: Api, slug: str) -> Json | None:
    try:
        found: Json = api.get(f"/dashboards/{segment(slug)}")
    except YardError as error:
        if error.status == 404:
            return None
        raise
    if not found["may_manage"]:
        raise YardError(
            f"The slug {slug!r} is {found['owner']}'s dashboard.", "Choose another, or ask to be made its manager."
        )
    return found


def _unknown(parameters: Json, schema: Json) -> list[str]:
    """Names of values that a notebook of this schema does not take."""
    if schema.get("additionalProperties", True) is not False:
        return []
    return [name for name in parameters if name not in schema["properties"]]


def _rendered(api: Api, path: str, dashboard: Json) -> Json:
    number = max(version["number"] for version in dashboard["versions"])
    while _version(dashboard, number)["state"] == "rendering":
        time.sleep(LOOK_AGAIN)
        dashboard = api.get(path)
    return dashboard


def _version(dashboard: Json, number: int) -> Json:
    return next(version for version in dashboard["versions"] if version["number"] == number)


def _published(dashboard: Json, screen: Screen) -> ExitCode:
    version = max(dashboard["versions"], key=lambda item: int(item["number"]))
    if screen.as_json:
        screen.result(dashboard)
    else:
        screen.line(dashboard["url"])
        screen.note(f"Version {version['number']}, {version['state']}; may open it: {dashboard['audience']}")
    if version["state"] != "failed":
        return ExitCode.DONE
    error = version["error"] or {"name": "It failed to render", "message": ""}
    screen.note(styled("✗ ", "red"), f"{error['name']}: {error['message']}")
    if dashboard["current"] is not None:
        screen.note(f"  → Visitors still see version {dashboard['current']}.")
    return ExitCode.FAILED
