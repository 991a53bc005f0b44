"""The form of a schedule, new or changed, with the due times that its rule gives."""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Response

from noteyard.api import schedules as rest
from noteyard.api.models import PreviewRequest, ScheduleChange, ScheduleModel, ScheduleRequest
from noteyard.api.portal.choosing import choose_release, release_for
from noteyard.api.portal.desk import AtDesk, Desk
from noteyard.api.portal.forms import Sent, SentForm, body, errors_by_field
from noteyard.api.portal.parameter_fields import fields_of, values_of
from noteyard.domain import CatchUpPolicy, OverlapPolicy
from noteyard.errors import NoteyardError

router = APIRouter(prefix="/portal/schedules", include_in_schema=False)

CATCH_UP = ((CatchUpPolicy.LAST, "the last one"), (CatchUpPolicy.ALL, "all of them"), (CatchUpPolicy.NONE, "none"))
OVERLAP = (
    (OverlapPolicy.SKIP, "leave the new one out"),
    (OverlapPolicy.QUEUE, "let the new one wait"),
    (OverlapPolicy.ALLOW, "run both"),
)
DEFAULTS = {
    "name": "",
    "cron": "0 6 * * *",
    "timezone": "",
    "catch_up": CatchUpPolicy.LAST,
    "catch_up_window": "24",
    "overlap": OverlapPolicy.SKIP,
    "timeout": "",
    "retries": "0",
    "mail": "",
    "webhooks": "",
}


@router.get("/new")
def new(desk: Desk, release: str = "", cursor: str | None = None, notebook: str = "") -> Response:
    if not release:
        return choose_release(desk, "Put a notebook on a schedule", cursor, notebook)
    return _form(desk, release, None)


@router.post("/new")
def create(desk: Desk, sent: SentForm) -> Response:
    release = sent.text("release")
    try:
        plan = body(ScheduleRequest, _plan(desk, release, sent, {}))
        made = rest.create(plan, desk.person, desk.database, desk.settings, desk.urls, desk.request_id)
    except NoteyardError as error:
        return _form(desk, release, None, sent, error)
    return desk.go(f"/portal/schedules/{made.id}", "The schedule is set.")


@router.get("/preview")
def preview(desk: Desk, cron: str = "", timezone: str = "") -> Response:
    """The next due times of a rule, or why there are none, as a part of the form."""
    try:
        found = rest.preview(body(PreviewRequest, {"cron": cron, "timezone": timezone or "UTC"}), desk.person)
    except NoteyardError as error:
        return desk.page("schedule_upcoming.html", error=error, upcoming=[], words="", timezone="UTC")
    return desk.page(
        "schedule_upcoming.html", error=None, upcoming=found.upcoming, words=found.description, timezone=timezone
    )


@router.get("/{id}/edit")
def edit(
    desk: Desk, id: str, release: str = "", choose: bool = False, cursor: str | None = None, notebook: str = ""
) -> Response:
    schedule = rest.show(id, desk.person, desk.database, desk.settings, desk.urls)
    if choose and not release:
        return choose_release(desk, f"Another release for {schedule.name}", cursor, notebook, "choose=1")
    return _form(desk, release or schedule.release, schedule)


@router.post("/{id}/edit")
def change(desk: Desk, id: str, sent: SentForm) -> Response:
    schedule = rest.show(id, desk.person, desk.database, desk.settings, desk.urls)
    release = sent.text("release") or schedule.release
    try:
        plan = body(ScheduleChange, _plan(desk, release, sent, schedule.parameters))
        rest.change(id, plan, desk.person, desk.database, desk.settings, desk.urls, desk.request_id)
    except NoteyardError as error:
        return _form(desk, release, schedule, sent, error)
    return desk.go(f"/portal/schedules/{quote(id)}", "Saved.")


@router.post("/{id}/newest")
def newest(desk: Desk, id: str) -> Response:
    """Move to the newest release of the notebook; where its parameters don't fit, ask for them."""
    schedule = rest.show(id, desk.person, desk.database, desk.settings, desk.urls)
    release = schedule.newest_release or schedule.release
    try:
        wanted = ScheduleChange(release=release)
        moved = rest.change(id, wanted, desk.person, desk.database, desk.settings, desk.urls, desk.request_id)
    except NoteyardError as error:
        if error.status != 422:
            raise
        return _form(desk, release, schedule, None, error)
    lost = [name for name in schedule.parameters if name not in moved.parameters]
    words = f" Its notebook no longer takes {', '.join(lost)}." if lost else ""
    return desk.go(f"/portal/schedules/{quote(id)}", f"It runs the newest release from now on.{words}")


def _plan(desk: AtDesk, release: str, sent: Sent, values: dict[str, Any]) -> dict[str, Any]:
    window = sent.number("catch_up_window", 3600)
    return {
        "name": sent.text("name"),
        "release": release,
        "cron": sent.text("cron"),
        "timezone": sent.text("timezone") or "UTC",
        "parameters": values_of(release_for(desk, release).schema_, sent, values, templates=True),
        "catch_up": sent.text("catch_up"),
        "catch_up_window": 86400 if window is None else window,
        "overlap": sent.text("overlap"),
        "timeout": sent.number("timeout", 60),
        "retries": sent.number("retries") or 0,
        "alerts": {"mail": sent.lines("mail"), "webhooks": sent.lines("webhooks")},
    }


def _form(
    desk: AtDesk,
    id: str,
    schedule: ScheduleModel | None,
    sent: Sent | None = None,
    error: NoteyardError | None = None,
) -> Response:
    release = release_for(desk, id)
    errors = errors_by_field(error)
    texts = {**DEFAULTS, **(_texts(schedule) if schedule else {})}
    if sent:
        texts = {name: sent.text(name) for name in texts}
    return desk.page(
        "schedule_form.html",
        error.status if error else 200,
        release=release,
        schedule=schedule,
        fields=fields_of(release.schema_, schedule.parameters if schedule else {}, sent, errors, templates=True),
        texts=texts,
        errors=errors,
        error=error,
        catch_up=CATCH_UP,
        overlap=OVERLAP,
        limit=desk.settings.runs.timeout_seconds,
    )


def _texts(schedule: ScheduleModel) -> dict[str, str]:
    return {
        "name": schedule.name,
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "catch_up": schedule.catch_up.value,
        "catch_up_window": f"{schedule.catch_up_window / 3600:g}",
        "overlap": schedule.overlap.value,
        "timeout": f"{schedule.timeout / 60:g}" if schedule.timeout else "",
        "retries": str(schedule.retries),
        "mail": "\n".join(schedule.alerts.mail),
        "webhooks": "\n".join(schedule.alerts.webhooks),
    }
