"""Changes of schedules and what follows from them: one place for API, portal and controller."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from noteyard.domain import CatchUpPolicy, OverlapPolicy
from noteyard.errors import Conflict, FieldError, InvalidParameters
from noteyard.fire_templates import check_templates
from noteyard.names import new_id
from noteyard.schedules import CronRule
from noteyard.store.runs import NewRun, create_run
from noteyard.store.tables import Release, Run, Schedule
from noteyard.store.types import now


@dataclass(frozen=True)
class Plan:
    """Everything a person decides about a schedule. Times in seconds."""

    name: str
    release: Release
    cron: str
    timezone: str
    parameters: dict[str, Any] = field(default_factory=dict)
    catch_up: CatchUpPolicy = CatchUpPolicy.LAST
    catch_up_window: int = 86400
    overlap: OverlapPolicy = OverlapPolicy.SKIP
    timeout: int | None = None
    retries: int = 0
    alerts: dict[str, Any] = field(default_factory=lambda: {"mail": [], "webhooks": []})


def check_plan(plan: Plan) -> CronRule:
    """The plan's rule; raises with everything that can't be used: rule, zone, templates, values."""
    rule = CronRule.parse(plan.cron, plan.timezone)
    check_templates(plan.release.schema, plan.parameters, now(), plan.timezone)
    return rule


def create_schedule(session: Session, plan: Plan, owner: str) -> Schedule:
    """A new schedule that fires from now on."""
    rule = check_plan(plan)
    schedule = Schedule(id=new_id("c"), owner=owner, created=now(), paused=False, failing=False)
    _apply(schedule, plan)
    schedule.next_due = rule.next_due(now())
    session.add(schedule)
    session.flush()
    return schedule


def change_schedule(schedule: Schedule, plan: Plan) -> None:
    """Take a changed plan over. A changed rule counts from now: due times that passed are not fired by it."""
    rule = check_plan(plan)
    moved = (schedule.cron, schedule.timezone) != (plan.cron, plan.timezone)
    _apply(schedule, plan)
    if moved and not schedule.paused:
        schedule.next_due = rule.next_due(now())


def plan_of(schedule: Schedule, release: Release, changes: dict[str, Any]) -> Plan:
    """The schedule's present plan with some fields changed."""
    present = {
        "name": schedule.name,
        "cron": schedule.cron,
        "timezone": schedule.timezone,
        "parameters": schedule.parameters,
        "catch_up": CatchUpPolicy(schedule.catch_up),
        "catch_up_window": schedule.catch_up_window,
        "overlap": OverlapPolicy(schedule.overlap),
        "timeout": schedule.timeout,
        "retries": schedule.retries,
        "alerts": schedule.alerts,
    }
    return Plan(release=release, **{**present, **changes})


def pause(schedule: Schedule, reason: str | None = None) -> None:
    """Fire no more until resumed. Repeating it changes nothing."""
    if not schedule.paused:
        schedule.paused = True
        schedule.paused_reason = reason
        schedule.next_due = None


def resume(schedule: Schedule) -> None:
    """Fire again from now on; due times during the pause are not made up for."""
    if schedule.paused:
        schedule.paused = False
        schedule.paused_reason = None
        schedule.next_due = CronRule.parse(schedule.cron, schedule.timezone).next_due(now())


def delete(schedule: Schedule) -> None:
    """End the schedule; its history stays."""
    schedule.deleted = schedule.deleted or now()
    schedule.next_due = None


def run_now(session: Session, schedule: Schedule, owner: str, request_id: str) -> Run:
    """A run outside the rule, as if it were due now."""
    if schedule.deleted is not None:
        raise Conflict("This schedule is deleted; its history is kept, but it runs no more.")
    release = session.get_one(Release, schedule.release)
    due = now().replace(microsecond=0)
    return create_run(session, new_run(schedule, release, due, request_id, owner))


def new_run(schedule: Schedule, release: Release, due: datetime, request_id: str, owner: str | None = None) -> NewRun:
    """The run that a schedule makes for a due time. Before the first fire, the rule tells the due time before it."""
    rule = CronRule.parse(schedule.cron, schedule.timezone)
    return NewRun(
        release,
        owner or schedule.owner,
        schedule.parameters,
        timeout=schedule.timeout,
        retries=schedule.retries,
        schedule=schedule.id,
        due=due,
        previous_due=schedule.last_due or rule.previous_due(due),
        timezone=schedule.timezone,
        request_id=request_id,
    )


def _apply(schedule: Schedule, plan: Plan) -> None:
    if not plan.name.strip():
        raise InvalidParameters([FieldError("name", "a schedule needs a name")])
    schedule.name = plan.name.strip()
    schedule.release = plan.release.id
    schedule.cron, schedule.timezone = plan.cron, plan.timezone
    schedule.parameters = plan.parameters
    schedule.catch_up, schedule.catch_up_window = plan.catch_up, plan.catch_up_window
    schedule.overlap = plan.overlap
    schedule.timeout, schedule.retries = plan.timeout, plan.retries
    schedule.alerts = plan.alerts
