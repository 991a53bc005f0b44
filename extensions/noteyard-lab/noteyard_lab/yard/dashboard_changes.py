"""`yard dashboards versions|rollback|sleep|wake|delete`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from noteyard_lab.yard.api import Access, Api, Json, segment
from noteyard_lab.yard.errors import ExitCode, YardError
from noteyard_lab.yard.options import Options, command
from noteyard_lab.yard.screen import Screen, styled
from noteyard_lab.yard.times import local


@dataclass(frozen=True, kw_only=True)
class OneDashboard(Options):
    """A dashboard by its slug."""

    slug: Annotated[str, typer.Argument(metavar="SLUG", help="The last part of its link: /d/SLUG/.")]


@dataclass(frozen=True, kw_only=True)
class RollbackOptions(OneDashboard):
    """The version to show."""

    version: Annotated[
        int | None,
        typer.Argument(metavar="VERSION", help="Its number; else the good one before that which is shown now."),
    ] = None


@dataclass(frozen=True, kw_only=True)
class DeleteOptions(OneDashboard):
    """Whether to ask."""

    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False


def add_to(group: typer.Typer) -> None:
    """Add the commands to the group of dashboards."""
    command(group, "versions", OneDashboard)(versions)
    command(group, "rollback", RollbackOptions)(rollback)
    command(group, "sleep", OneDashboard)(sleep)
    command(group, "wake", OneDashboard)(wake)
    command(group, "delete", DeleteOptions)(delete)


def versions(options: OneDashboard, screen: Screen) -> None:
    """List a dashboard's versions, the newest first."""
    dashboard = _get(_api(), options.slug)
    listed = _newest_first(dashboard)
    if screen.as_json:
        screen.result({"current": dashboard["current"], "items": listed})
        return
    screen.table(
        ("Version", "", "State", "Release", "By", "Created", "Error"),
        [
            (
                str(item["number"]),
                "shown" if item["number"] == dashboard["current"] else "",
                styled(item["state"]),
                item["release"][:12],
                item["published_by"],
                local(item["created"]) or "",
                f"{item['error']['name']}: {item['error']['message']}" if item["error"] else "",
            )
            for item in listed
        ],
        "It has no versions.",
    )


def rollback(options: RollbackOptions, screen: Screen) -> None:
    """Show an earlier version again, or a later one that has rendered."""
    api = _api()
    number = options.version if options.version is not None else _before(_get(api, options.slug))
    dashboard = api.post(f"{_path(options.slug)}/rollback", {"version": number})
    _told(dashboard, screen, f"Visitors of {options.slug} see version {number} now.")


def sleep(options: OneDashboard, screen: Screen) -> None:
    """End a dashboard's process now; the next visit wakes it."""
    dashboard = _api().post(f"{_path(options.slug)}/sleep")
    _told(dashboard, screen, f"{options.slug} goes to sleep; the next visit wakes it.")


def wake(options: OneDashboard, screen: Screen) -> None:
    """Start a dashboard's process before anybody visits, or try again after failures."""
    dashboard = _api().post(f"{_path(options.slug)}/wake")
    _told(dashboard, screen, f"{options.slug} wakes up: {dashboard['url']}")


def delete(options: DeleteOptions, screen: Screen) -> ExitCode:
    """Take a dashboard down; its link becomes free."""
    api = _api()
    dashboard = _get(api, options.slug)
    if not options.yes and not _confirmed(dashboard):
        screen.note("Nothing was deleted.")
        return ExitCode.REFUSED
    api.delete(_path(options.slug))
    if screen.as_json:
        screen.result({"deleted": dashboard["slug"]})
    else:
        screen.line(f"{dashboard['slug']} ({dashboard['title']}) is deleted.")
    return ExitCode.DONE


def _confirmed(dashboard: Json) -> bool:
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise YardError(f"Deleting {dashboard['slug']!r} can't be undone, and nobody can be asked here.", "Add --yes.")
    return typer.confirm(f"Delete {dashboard['slug']} ({dashboard['title']})? This can't be undone.", err=True)


def _before(dashboard: Json) -> int:
    """Number of the newest good version before the one that is shown; YardError when there is none."""
    shown = dashboard["current"] or 0
    good = [int(item["number"]) for item in _newest_first(dashboard) if item["state"] == "good"]
    before = [number for number in good if number < shown]
    if not before:
        raise YardError(
            f"{dashboard['slug']} has no good version before the one that is shown.",
            f"See them with `yard dashboards versions {dashboard['slug']}`.",
        )
    return before[0]


def _newest_first(dashboard: Json) -> list[Json]:
    return sorted(dashboard["versions"], key=lambda item: -int(item["number"]))


def _told(dashboard: Json, screen: Screen, words: str) -> None:
    if screen.as_json:
        screen.result(dashboard)
    else:
        screen.line(words)


def _api() -> Api:
    return Api(Access.from_environment())


def _path(slug: str) -> str:
    return f"/dashboards/{segment(slug)}"


def _get(api: Api, slug: str) -> Json:
    found: Json = api.get(_path(slug))
    return found
