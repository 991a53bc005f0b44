"""Schedules and dashboards of the small Noteyard for tests of `yard`."""

from datetime import timedelta
from typing import Any

from fastapi import FastAPI
from noteyard.api.models import DashboardModel, FireModel, Page, PreviewModel, RunModel, ScheduleModel
from noteyard.errors import Conflict, NotFound
from noteyard.parameter_values import known_values
from noteyard.schedules import CronRule, describe

from tests.integration.yard_state import NOW, YardServer


def add_schedules(app: FastAPI, server: YardServer) -> None:
    """The routes of schedules."""

    def schedule_of(id: str) -> dict[str, Any]:
        if id not in server.schedules:
            raise NotFound(f"There is no schedule {id!r}.")
        return server.schedules[id]

    def model_of(schedule: dict[str, Any]) -> ScheduleModel:
        same = [id for id, made in server.releases.items() if made["notebook"] == schedule["notebook"]]
        newer = same[same.index(schedule["release"]) + 1 :]
        return ScheduleModel(**schedule, releases_behind=len(newer), newest_release=newer[-1] if newer else None)

    def preview_of(cron: str, timezone: str) -> PreviewModel:
        rule = CronRule.parse(cron, timezone)
        return PreviewModel(upcoming=list(rule.upcoming(NOW, 5)), description=describe(rule))

    @app.post("/api/v1/schedules/preview")
    async def preview(body: dict[str, str]) -> PreviewModel:
        return preview_of(body["cron"], body["timezone"])

    @app.post("/api/v1/schedules", status_code=201)
    async def create(body: dict[str, Any]) -> ScheduleModel:
        id = f"s{len(server.schedules) + 1}"
        defaults = {"catch_up": "last", "catch_up_window": 86400, "overlap": "skip", "timeout": None}
        server.schedules[id] = {
            **defaults,
            **body,
            **preview_of(body["cron"], body["timezone"]).model_dump(),
            "id": id,
            "owner": "ada",
            "notebook": server.releases[body["release"]]["notebook"],
            **dict.fromkeys(("paused", "failing", "deleted"), False),
            "paused_reason": None,
            "shares": [],
            "undelivered": [],
            "created": NOW,
            "url": f"{server.url}/portal/schedules/{id}",
        }
        return model_of(server.schedules[id])

    @app.get("/api/v1/schedules")
    async def list_all() -> Page[ScheduleModel]:
        return Page(items=[model_of(item) for item in server.schedules.values()])

    @app.get("/api/v1/schedules/{id}")
    async def show(id: str) -> ScheduleModel:
        return model_of(schedule_of(id))

    @app.patch("/api/v1/schedules/{id}")
    async def edit(id: str, body: dict[str, Any]) -> ScheduleModel:
        schedule = schedule_of(id)
        schedule.update(body)
        schema = server.releases[schedule["release"]]["schema"]
        schedule["parameters"] = known_values(schema, schedule["parameters"])
        return model_of(schedule_of(id))

    @app.get("/api/v1/schedules/{id}/fires")
    async def fires(id: str) -> Page[FireModel]:
        skipped = {"due": NOW, "state": "skipped", "reason": "The last run still goes on.", "run": None}
        fired = {"due": NOW - timedelta(days=1), "state": "fired", "reason": None, "run": "r77"}
        return Page(items=[FireModel(**skipped), FireModel(**fired)])

    @app.post("/api/v1/schedules/{id}/run", status_code=201)
    async def run(id: str) -> RunModel:
        return RunModel(**server.add_run("r9", schedule=id))

    @app.post("/api/v1/schedules/{id}/alerts/test", status_code=202)
    async def send_test(id: str) -> ScheduleModel:
        return model_of(schedule_of(id))

    @app.post("/api/v1/schedules/{id}/{verb}")
    async def change(id: str, verb: str) -> ScheduleModel:
        schedule_of(id)["paused"] = verb == "pause"
        return model_of(schedule_of(id))

    @app.delete("/api/v1/schedules/{id}", status_code=204)
    async def delete(id: str) -> None:
        del server.schedules[schedule_of(id)["id"]]


def add_dashboards(app: FastAPI, server: YardServer) -> None:
    """The routes of dashboards."""

    def dashboard_of(slug: str) -> DashboardModel:
        if slug not in server.dashboards:
            raise NotFound(f"There is no dashboard {slug!r}.")
        return DashboardModel(**server.dashboards[slug])

    def add_version(dashboard: dict[str, Any], release: str) -> None:
        number = len(dashboard["versions"]) + 1
        version = {"number": number, "release": release, "state": "rendering", "published_by": "ada"}
        dashboard["versions"].append({**version, "created": NOW, "rendered": None, "error": None})

    @app.post("/api/v1/dashboards", status_code=201)
    async def create(body: dict[str, Any]) -> DashboardModel:
        slug = body["slug"]
        shares = [{"kind": "person", "name": name, "role": "viewer"} for name in body.get("people", ())]
        server.dashboards[slug] = {
            "id": "d1",
            "description": "",
            "audience": "me",
            "reads_viewer": False,
            "parameters": {},
            **body,
            "owner": "ada",
            "shares": shares,
            "current": None,
            "state": "publishing",
            "sessions": 0,
            "rendered": None,
            "card_url": None,
            "versions": [],
            "may_manage": True,
            "created": NOW,
            "url": f"{server.url}/d/{slug}/",
        }
        add_version(server.dashboards[slug], body["release"])
        return dashboard_of(slug)

    @app.get("/api/v1/dashboards")
    async def list_all() -> Page[DashboardModel]:
        return Page(items=[dashboard_of(slug) for slug in server.dashboards])

    @app.get("/api/v1/dashboards/{slug}")
    async def show(slug: str) -> DashboardModel:
        shown = dashboard_of(slug)
        for version in server.dashboards[slug]["versions"]:
            if version["state"] == "rendering":  # it has rendered when one looks again
                version["state"] = server.renders
                failure = {"cell": 3, "name": "KeyError", "message": "'wind'", "traceback": ""}
                version["error"] = failure if server.renders == "failed" else None
                if server.renders == "good":
                    server.dashboards[slug]["current"] = version["number"]
        return shown

    @app.patch("/api/v1/dashboards/{slug}")
    async def change(slug: str, body: dict[str, Any]) -> DashboardModel:
        server.dashboards[slug] |= body
        return dashboard_of(slug)

    @app.delete("/api/v1/dashboards/{slug}", status_code=204)
    async def delete(slug: str) -> None:
        dashboard_of(slug)
        del server.dashboards[slug]

    @app.post("/api/v1/dashboards/{slug}/rollback")
    async def rollback(slug: str, body: dict[str, int]) -> DashboardModel:
        shown = dashboard_of(slug)
        if "good" not in [item.state for item in shown.versions if item.number == body["version"]]:
            raise Conflict(f"Version {body['version']} has not rendered; only one that did can be shown.")
        server.dashboards[slug]["current"] = body["version"]
        return dashboard_of(slug)

    @app.post("/api/v1/dashboards/{slug}/versions", status_code=201)
    async def version(slug: str, body: dict[str, Any]) -> DashboardModel:
        add_version(server.dashboards[slug], body["release"])
        return dashboard_of(slug)

    @app.post("/api/v1/dashboards/{slug}/{verb}")
    async def rest(slug: str, verb: str) -> DashboardModel:
        dashboard_of(slug)
        server.dashboards[slug]["state"] = {"sleep": "asleep", "wake": "starting"}[verb]
        return dashboard_of(slug)
