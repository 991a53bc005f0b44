"""Schedules: create, list, change, pause, resume, run now, delete, fires, shares."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime
from sqlalchemy.orm import Session

from noteyard import schedule_changes
from noteyard.access import Action, may_administer
from noteyard.api.dependencies import Config, Db, RequestId, Urls
from noteyard.api.identity import Asking
from noteyard.api.models import (
    Alerts,
    FireModel,
    Page,
    PreviewModel,
    PreviewRequest,
    RunModel,
    ScheduleChange,
    ScheduleModel,
    ScheduleRequest,
    Shares,
    Transfer,
)
from noteyard.api.problems import RESPONSES
from noteyard.api.releases import runnable_release
from noteyard.api.run_access import run_model
from noteyard.api.schedule_access import schedule_for, schedule_model, schedule_models
from noteyard.domain import Role, Sharing
from noteyard.errors import Conflict, FieldError, Forbidden, InvalidParameters
from noteyard.parameter_values import known_values
from noteyard.schedule_changes import Plan, change_schedule, create_schedule, plan_of, run_now
from noteyard.schedules import CronRule, describe
from noteyard.settings import Settings
from noteyard.store.alerts import alert_test
from noteyard.store.audit import record
from noteyard.store.people import get_active
from noteyard.store.schedules import fires_of, list_schedules, locked_schedule, set_shares, shares_of
from noteyard.store.tables import Release, Schedule
from noteyard.store.types import now
from noteyard.webhook_target import WebhookRefused, check_saved

router = APIRouter(prefix="/api/v1/schedules", tags=["schedules"], responses=RESPONSES)  # type: ignore[arg-type]


@router.post("", status_code=201)
def create(
    body: ScheduleRequest, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId
) -> ScheduleModel:
    """Put a release on a schedule. Values may be templates of the fire: `{{ due | date }}`."""
    with database.write() as session:
        release = runnable_release(session, body.release, asking, settings)
        _check_alerts(body.alerts, {}, settings)
        fields = {**body.model_dump(exclude={"release"}), "release": release}
        fields["timeout"] = body.timeout or settings.runs.timeout_seconds
        schedule = create_schedule(session, Plan(**fields), asking.name)
        record(session, asking.name, "schedule.create", schedule.id, {"name": schedule.name}, request_id)
        return schedule_model(session, schedule, asking, urls)


@router.get("")
def list_all(
    asking: Asking,
    database: Db,
    urls: Urls,
    mine: bool = False,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[ScheduleModel]:
    """Schedules you own or share in, by name; administrators see all unless `mine`."""
    with database.read() as session:
        person = asking if mine or not may_administer(asking) else None
        found = list_schedules(session, person, cursor, limit)
        items = schedule_models(session, found[:limit], asking, urls)
    return Page(items=items, next=items[-1].id if len(found) > limit else None)


@router.post("/preview")
def preview(body: PreviewRequest, asking: Asking) -> PreviewModel:
    """The next five due times of a rule, before it is saved."""
    rule = CronRule.parse(body.cron, body.timezone)
    return PreviewModel(upcoming=list(rule.upcoming(now(), 5)), description=describe(rule))


@router.get("/{id}")
def show(id: str, asking: Asking, database: Db, settings: Config, urls: Urls) -> ScheduleModel:
    """One schedule."""
    with database.read() as session:
        return schedule_model(session, schedule_for(session, id, asking, Action.LIST, settings), asking, urls)


@router.patch("/{id}")
def change(
    id: str, body: ScheduleChange, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId
) -> ScheduleModel:
    """Change some fields; a new release moves the schedule to it.

    Without `parameters` the present values go on, save those of parameters that the notebook no longer has.
    """
    changes: dict[str, Any] = body.model_dump(exclude_none=True, exclude={"release"})
    if "timeout" in body.model_fields_set:
        changes["timeout"] = body.timeout or settings.runs.timeout_seconds
    with database.write() as session:
        schedule = _locked(session, id, asking, Action.EDIT, settings)
        release = session.get_one(Release, schedule.release)
        _check_alerts(body.alerts, schedule.alerts, settings)
        if body.release is not None and body.release != release.id:
            release = runnable_release(session, body.release, asking, settings)
            _same_owner_runs_it(schedule, asking.name)
        detail: dict[str, Any] = {"fields": sorted(body.model_fields_set)}
        if body.parameters is None:
            changes["parameters"] = known_values(release.schema, schedule.parameters)
            if left_out := sorted(schedule.parameters.keys() - changes["parameters"]):
                detail["left_out"] = left_out
        change_schedule(schedule, plan_of(schedule, release, changes))
        record(session, asking.name, "schedule.change", id, detail, request_id)
        return schedule_model(session, schedule, asking, urls)


@router.post("/{id}/pause")
def pause(id: str, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId) -> ScheduleModel:
    """Fire no more until resumed."""
    with database.write() as session:
        schedule = _locked(session, id, asking, Action.STOP, settings)
        schedule_changes.pause(schedule, f"Paused by {asking.name}.")
        record(session, asking.name, "schedule.pause", id, {}, request_id)
        return schedule_model(session, schedule, asking, urls)


@router.post("/{id}/resume")
def resume(id: str, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId) -> ScheduleModel:
    """Fire again from now on."""
    with database.write() as session:
        schedule = _locked(session, id, asking, Action.EDIT, settings)
        get_active(session, schedule.owner)
        schedule_changes.resume(schedule)
        record(session, asking.name, "schedule.resume", id, {}, request_id)
        return schedule_model(session, schedule, asking, urls)


@router.post("/{id}/run", status_code=201)
def run(id: str, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId) -> RunModel:
    """Run it now, outside its rule; the run belongs to the schedule's owner."""
    with database.write() as session:
        schedule = _locked(session, id, asking, Action.RUN, settings)
        get_active(session, schedule.owner)
        return run_model(session, run_now(session, schedule, schedule.owner, request_id), urls)


@router.post("/{id}/alerts/test", status_code=202)
def send_test(
    id: str, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId
) -> ScheduleModel:
    """Send a test to all whom its alerts name, at most once a minute; `undelivered` tells what does not arrive."""
    with database.write() as session:
        schedule = _locked(session, id, asking, Action.EDIT, settings)
        if not any(schedule.alerts.values()):
            raise Conflict("Its alerts name nobody.", "Add a mail address or a webhook to the schedule first.")
        alert_test(session, schedule, now())
        record(session, asking.name, "schedule.test_alerts", id, {}, request_id)
        return schedule_model(session, schedule, asking, urls)


@router.delete("/{id}", status_code=204)
def delete(id: str, asking: Asking, database: Db, settings: Config, request_id: RequestId) -> None:
    """End the schedule; its fires and runs are kept."""
    with database.write() as session:
        schedule = _locked(session, id, asking, Action.DELETE, settings)
        schedule_changes.delete(schedule)
        record(session, asking.name, "schedule.delete", id, {"name": schedule.name}, request_id)


@router.get("/{id}/fires")
def fires(
    id: str,
    asking: Asking,
    database: Db,
    settings: Config,
    before: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[FireModel]:
    """Due times and what became of them, newest first."""
    with database.read() as session:
        schedule_for(session, id, asking, Action.LIST, settings)
        found = fires_of(session, id, before, limit)
    items = [FireModel(due=fire.due, state=fire.state, reason=fire.reason, run=fire.run) for fire in found[:limit]]
    return Page(items=items, next=items[-1].due.isoformat() if len(found) > limit else None)


@router.put("/{id}/shares")
def share(
    id: str, body: Shares, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId
) -> ScheduleModel:
    """Replace the people and groups it is shared with."""
    with database.write() as session:
        schedule = _locked(session, id, asking, Action.EDIT, settings)
        set_shares(session, "schedule", id, [Sharing(s.kind, s.name, s.role) for s in body.shares])
        record(session, asking.name, "schedule.share", id, body.model_dump(mode="json"), request_id)
        return schedule_model(session, schedule, asking, urls)


@router.post("/{id}/transfer")
def transfer(
    id: str, body: Transfer, asking: Asking, database: Db, settings: Config, urls: Urls, request_id: RequestId
) -> ScheduleModel:
    """Give it to somebody else; its managers are none any more.

    It is paused until the new owner resumes it, since its code then runs with their keys.
    """
    with database.write() as session:
        schedule = _locked(session, id, asking, Action.TRANSFER, settings)
        get_active(session, body.owner)
        before, schedule.owner = schedule.owner, body.owner
        # A manager who stays could resume it, and run the code of before with the new owner's keys.
        viewers = [share for share in shares_of(session, "schedule", id) if share.role is Role.VIEWER]
        set_shares(session, "schedule", id, viewers)
        schedule_changes.pause(schedule, f"Transferred from {before}: resume it to run it with your keys.")
        record(session, asking.name, "schedule.transfer", id, {"from": before, "to": body.owner}, request_id)
        return schedule_model(session, schedule, asking, urls)


def _locked(session: Session, id: str, asking: Asking, action: Action, settings: Config) -> Schedule:
    # The lock first: while it is waited for, another may take away what allows this.
    locked_schedule(session, id)
    return schedule_for(session, id, asking, action, settings)


def _same_owner_runs_it(schedule: Schedule, name: str) -> None:
    if schedule.owner != name:
        raise Forbidden(
            f"The schedule runs with {schedule.owner}'s keys; only {schedule.owner} can move it to another release.",
            "Ask them to do it, or to transfer the schedule to you.",
        )


def _check_alerts(alerts: Alerts | None, before: Mapping[str, list[str]], settings: Settings) -> None:
    """Nobody is to believe that they will be told where nothing can be sent. What was there `before` stays."""
    if alerts is None:
        return
    problems = []
    if alerts.mail and alerts.mail != before.get("mail") and settings.mail.host is None:
        said = "this installation sends no mail yet: an administrator has to set mail.host"
        problems.append(FieldError("alerts.mail", said))
    for index, url in enumerate(alerts.webhooks):
        if url in before.get("webhooks", []):
            continue
        try:
            check_saved(url, settings.webhooks.allow_private)
        except WebhookRefused as error:
            problems.append(FieldError(f"alerts.webhooks.{index}", str(error)))
    if problems:
        raise InvalidParameters(problems)
