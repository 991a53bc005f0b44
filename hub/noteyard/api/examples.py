"""Examples of what the REST API takes and answers, by the name of the schema; `openapi.py` puts them into the document.

They tell one story: ada's notebook report.ipynb runs, is put on a schedule and published. The tests hold each against
its schema.
"""

from typing import Any

RELEASE = "5f3a9c0d7be1426f8a90d3c47e15b2689f0c4d7a1e63b58290cfd47ab8e31d60"
NOTEBOOK_SHA256 = "0d4f8ce1a7b94f3ab6dd0e5c2f7a18934be6c5d20f1978a3e4bc6d50f2a71893"
FILES = [{"path": "report.ipynb", "sha256": NOTEBOOK_SHA256, "size": 4096}]
MANIFEST = {"notebook": "report.ipynb", "profile": "default", "files": FILES}
PARAMETERS: dict[str, Any] = {"day": "2026-11-22"}
PARAMETER_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"day": {"type": "string", "format": "date", "description": "the day to report"}},
    "required": ["day"],
    "additionalProperties": False,
}
CELL: dict[str, Any] = {
    "cell_type": "code",
    "execution_count": None,
    "id": "parameters",
    "metadata": {"tags": ["parameters"]},
    "outputs": [],
    "source": "from datetime import date\n\nday: date  # the day to report",
}
NOTEBOOK: dict[str, Any] = {"cells": [CELL], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
ALERTS: dict[str, Any] = {"mail": ["ada@example.org"], "webhooks": ["https://chat.example.org/hooks/7f3"]}
UNDELIVERED: dict[str, Any] = {
    "channel": "webhook",
    "target": "chat.example.org",
    "event": "run.failed",
    "run": "r3k9m2x0q1abcdef",
    "error": "The server answered 404.",
    "failed": "2026-11-23T05:00:12Z",
    "tries": 1,
    "next_try": None,
}
RULE: dict[str, Any] = {"cron": "0 6 * * *", "timezone": "Europe/Berlin"}
UPCOMING = [f"2026-11-{day}T05:00:00Z" for day in (24, 25, 26, 27, 28)]
SHARES = [{"kind": "group", "name": "sales", "role": "viewer"}]
PERSON: dict[str, Any] = {
    "name": "ada",
    "admin": False,
    "disabled": False,
    "groups": ["sales"],
    "created": "2026-10-01T08:00:00Z",
    "last_seen": "2026-11-23T07:58:12Z",
}
RUN: dict[str, Any] = {
    "id": "r3k9m2x0q1abcdef",
    "release": RELEASE,
    "notebook": "report.ipynb",
    "owner": "ada",
    "state": "succeeded",
    "stopping": False,
    "parameters": PARAMETERS,
    "created": "2026-11-23T05:00:00Z",
    "started": "2026-11-23T05:00:01Z",
    "ended": "2026-11-23T05:00:09Z",
    "attempt": 1,
    "retries": 2,
    "timeout": 3600,
    "cells": 12,
    "cells_done": 12,
    "cell": None,
    "error": None,
    "schedule": "s8d1f0z7c2ghijkl",
    "due": "2026-11-23T05:00:00Z",
    "rerun_of": None,
    "outputs": ["notebook.html", "notebook.ipynb"],
    "url": "https://noteyard.example.org/portal/runs/r3k9m2x0q1abcdef",
}
VERSION: dict[str, Any] = {
    "number": 1,
    "release": RELEASE,
    "state": "good",
    "published_by": "ada",
    "created": "2026-11-23T08:00:00Z",
    "rendered": "2026-11-23T08:00:06Z",
    "error": None,
}

BY_SCHEMA: dict[str, Any] = {
    "ReleaseModel": {
        "id": RELEASE,
        "notebook": "report.ipynb",
        "profile": "default",
        "environment_digest": None,
        "image": "registry.example.org/noteyard-lab-datascience@sha256:" + "5" * 64,
        "files": FILES,
        "schema": PARAMETER_SCHEMA,
        "notes": [],
        "size": 4096,
        "owners": ["ada"],
        "created": "2026-11-22T16:20:00Z",
    },
    "RunRequest": {"release": RELEASE[:12], "parameters": PARAMETERS, "timeout": 3600, "retries": 2},
    "RerunRequest": {"parameters": {"day": "2026-11-21"}},
    "RunModel": RUN,
    "OutputModel": {
        "name": "notebook.html",
        "size": 183204,
        "url": "https://noteyard.example.org/api/v1/runs/r3k9m2x0q1abcdef/outputs/notebook.html",
    },
    "ScheduleRequest": {
        "name": "Nightly report",
        "release": RELEASE[:12],
        **RULE,
        "parameters": {"day": "{{ due | date }}"},
        "catch_up": "last",
        "catch_up_window": 86400,
        "overlap": "skip",
        "retries": 2,
        "alerts": ALERTS,
    },
    "ScheduleChange": {"cron": "30 6 * * 1-5", "overlap": "queue"},
    "ScheduleModel": {
        "id": "s8d1f0z7c2ghijkl",
        "name": "Nightly report",
        "owner": "ada",
        "release": RELEASE,
        "notebook": "report.ipynb",
        **RULE,
        "description": "At 06:00 every day, Europe/Berlin time",
        "parameters": {"day": "{{ due | date }}"},
        "catch_up": "last",
        "catch_up_window": 86400,
        "overlap": "skip",
        "timeout": 3600,
        "retries": 2,
        "alerts": ALERTS,
        "undelivered": [UNDELIVERED],
        "paused": False,
        "paused_reason": None,
        "failing": False,
        "deleted": False,
        "upcoming": UPCOMING,
        "releases_behind": 0,
        "newest_release": None,
        "shares": SHARES,
        "created": "2026-11-22T16:25:00Z",
        "url": "https://noteyard.example.org/portal/schedules/s8d1f0z7c2ghijkl",
    },
    "UndeliveredModel": UNDELIVERED,
    "PreviewRequest": RULE,
    "PreviewModel": {"upcoming": UPCOMING, "description": "At 06:00 every day, Europe/Berlin time"},
    "FireModel": {"due": "2026-11-23T05:00:00Z", "state": "fired", "reason": None, "run": RUN["id"]},
    "Shares": {"shares": SHARES},
    "Transfer": {"owner": "bob"},
    "DashboardRequest": {
        "release": RELEASE[:12],
        "slug": "sales",
        "title": "Sales",
        "description": "Sales by region, one day at a time.",
        "audience": "groups",
        "groups": ["sales"],
        "parameters": PARAMETERS,
    },
    "DashboardChange": {"title": "Sales by region", "audience": "users"},
    "VersionRequest": {"release": RELEASE[:12], "parameters": PARAMETERS},
    "RollbackRequest": {"version": 1},
    "DashboardModel": {
        "id": "d2v6b4n8m1opqrst",
        "slug": "sales",
        "title": "Sales",
        "description": "Sales by region, one day at a time.",
        "owner": "ada",
        "audience": "groups",
        "shares": SHARES,
        "reads_viewer": False,
        "parameters": PARAMETERS,
        "current": 1,
        "state": "ready",
        "sessions": 3,
        "rendered": "2026-11-23T08:00:06Z",
        "card_url": "https://noteyard.example.org/api/v1/dashboards/sales/card.png",
        "versions": [VERSION],
        "may_manage": True,
        "created": "2026-11-23T08:00:00Z",
        "url": "https://noteyard.example.org/d/sales/",
    },
    "PersonModel": PERSON,
    "MeModel": {**PERSON, "created": None, "last_seen": None, "scopes": ["read", "write"]},
    "NewPerson": {"name": "ada", "password": "a first password", "groups": ["sales"]},
    "PersonChange": {"groups": ["sales", "research"]},
    "NewPassword": {"password": "another first password"},
    "PasswordChange": {"old": "a first password", "new": "a password of my own"},
    "LeftBehind": {
        "person": "eve",
        "files": 120,
        "file_bytes": 7340032,
        "runs": 31,
        "output_bytes": 5242880,
        "schedules": 2,
        "dashboards": 1,
        "releases": 4,
        "state": "kept",
    },
    "ProfileModel": {
        "name": "default",
        "title": "Data science",
        "description": "pandas, scikit-learn, matplotlib",
        "cpu": 2.0,
        "memory_mb": 4096,
    },
    "AuditModel": {
        "id": 42,
        "at": "2026-11-23T08:00:00Z",
        "who": "ada",
        "action": "dashboard.publish",
        "thing": "sales",
        "detail": {"release": RELEASE},
        "request_id": "0f9c1d6be2a74c58",
    },
    "UsageModel": {"person": "ada", "runs": 31, "failed": 2, "seconds": 418.5},
    "InspectRequest": {"notebook": NOTEBOOK, "texts": [["day", "2026-11-22"]]},
    "InspectModel": {"schema": PARAMETER_SCHEMA, "notes": [], "values": PARAMETERS},
}

CURSORS = {"FireModel": "2026-11-23T05:00:00+00:00", "PersonModel": "ada", "AuditModel": "42"}
"""`next` of a page, where it is not its last item's id."""

TEXTS = {
    "/api/v1/runs/{id}/log": "12 cells\nRead 24 rows of 2026-11-22.\n",
    "/api/v1/dashboards/{slug}/log": "Serving on 127.0.0.1.\nRendered in 5.8 s.\n",
    "/api/v1/runs/{id}/events": (
        'id: 1.0\nevent: run\ndata: {"id": "r3k9m2x0q1abcdef", "state": "running", "cells_done": 3, …}\n\n'
        'id: 1.9\nevent: log\ndata: {"attempt": 1, "offset": 0, "text": "12 cells\\n"}\n\n'
        'id: 1.9\nevent: end\ndata: {"id": "r3k9m2x0q1abcdef", "state": "succeeded", "cells_done": 12, …}\n\n'
    ),
}

PROBLEMS: dict[str, tuple[str, str, str | None]] = {
    "400": ("Request refused", "The request can't be read.", "Send what the operation's schema describes."),
    "401": ("Not logged in", "You are not logged in.", "Send `Authorization: Bearer <token>`."),
    "403": ("Not allowed", "You may see the schedule 'Nightly report', but not edit it.", "Ask ada to share it."),
    "404": ("Not found", "There is no run 'r123'.", "See your runs with `yard runs` or in the portal."),
    "409": ("Conflict", "The link 'sales' is taken.", "Choose another one."),
    "413": ("Too large", "The release has 612 MB; the limit is 500 MB.", "Leave data out of it; keep that in S3."),
    "422": ("Invalid values", "Some values can't be used: parameters.day: 'tomorrow' is not a date.", None),
    "429": ("Too many requests", "Too many tries.", "Try again in a minute."),
    "503": ("Not available right now", "The hub can't be reached.", "Try again in a moment."),
}
"""Title, detail and hint by status."""


def problem_of(status: str) -> dict[str, Any]:
    """A problem document for an HTTP status of PROBLEMS."""
    title, detail, hint = PROBLEMS[status]
    refused = [{"field": "parameters.day", "message": "'tomorrow' is not a date (YYYY-MM-DD)"}]
    return {
        "type": "about:blank",
        "title": title,
        "status": int(status),
        "detail": detail,
        "hint": hint,
        "fields": refused if status == "422" else [],
        "request_id": "0f9c1d6be2a74c58",
    }
