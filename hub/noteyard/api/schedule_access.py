"""Schedules as a person may see them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from noteyard.access import Action, allowed
from noteyard.api.models import Alerts, ScheduleModel, ShareModel
from noteyard.api.undelivered import undelivered_models
from noteyard.domain import CatchUpPolicy, OverlapPolicy, Person, Sharing
from noteyard.errors import Forbidden, InvalidParameters, NotFound
from noteyard.schedules import CronRule, describe
from noteyard.settings import Settings
from noteyard.store.database import by_id
from noteyard.store.outbox import undelivered
from noteyard.store.releases import newer_releases
from noteyard.store.schedules import get_schedule, shares_by_thing, shares_of
from noteyard.store.tables import Message, Release, Schedule
from noteyard.store.types import now
from noteyard.urls import PublicUrls
from noteyard.webhook_target import host_of


def schedule_for(session: Session, id: str, person: Person, action: Action, settings: Settings) -> Schedule:
    """The schedule, if the person may do the action; NotFound when they may not even see it, else Forbidden."""
    schedule = get_schedule(session, id)
    shares = shares_of(session, "schedule", id)
    if allowed(person, action, schedule.owner, shares, admin_access=settings.admin_access):
        return schedule
    if allowed(person, Action.LIST, schedule.owner, shares):
        raise Forbidden(
            f"You may see the schedule {schedule.name!r}, but not {action} it.",
            f"Ask {schedule.owner} to share it with you as manager.",
        )
    raise NotFound(f"There is no schedule {id!r}.", "See your schedules with `yard schedule list`.")


def schedule_model(session: Session, schedule: Schedule, person: Person, urls: PublicUrls) -> ScheduleModel:
    """The schedule as the API answers this person."""
    return schedule_models(session, [schedule], person, urls)[0]


def schedule_models(
    session: Session, schedules: Sequence[Schedule], person: Person, urls: PublicUrls
) -> list[ScheduleModel]:
    """Schedules as the API answers this person, in their order; as many queries for a hundred as for one."""
    ids = [schedule.id for schedule in schedules]
    shares = shares_by_thing(session, "schedule", ids)
    newer = newer_releases(session, *ids)
    failed = undelivered(session, ids)
    releases = by_id(session, Release, {schedule.release for schedule in schedules})
    return [
        _model(
            item,
            _Beside(releases[item.release], newer.get(item.id, (0, None)), shares[item.id], failed.get(item.id, [])),
            person,
            urls,
        )
        for item in schedules
    ]


@dataclass(frozen=True)
class _Beside:
    """What belongs to a schedule in other tables. `newer`: how many newer releases there are, and the newest one."""

    release: Release
    newer: tuple[int, str | None]
    shares: Sequence[Sharing]
    undelivered: Sequence[Message]


def _model(schedule: Schedule, beside: _Beside, person: Person, urls: PublicUrls) -> ScheduleModel:
    live = not schedule.paused and schedule.deleted is None
    description, upcoming = _rule(schedule)
    return ScheduleModel(
        id=schedule.id,
        name=schedule.name,
        owner=schedule.owner,
        release=beside.release.id,
        notebook=beside.release.notebook,
        cron=schedule.cron,
        timezone=schedule.timezone,
        description=description,
        parameters=schedule.parameters,
        catch_up=CatchUpPolicy(schedule.catch_up),
        catch_up_window=schedule.catch_up_window,
        overlap=OverlapPolicy(schedule.overlap),
        timeout=schedule.timeout,
        retries=schedule.retries,
        alerts=_alerts(schedule, person, beside.shares),
        undelivered=undelivered_models(beside.undelivered, schedule.alerts),
        paused=schedule.paused,
        paused_reason=schedule.paused_reason,
        failing=schedule.failing,
        deleted=schedule.deleted is not None,
        upcoming=upcoming if live else [],
        releases_behind=beside.newer[0],
        newest_release=beside.newer[1],
        shares=[ShareModel(kind=s.subject_kind, name=s.subject, role=s.role) for s in beside.shares],
        created=schedule.created,
        url=f"{urls.hub}/portal/schedules/{schedule.id}",
    )


def _rule(schedule: Schedule) -> tuple[str, list[datetime]]:
    """The rule in English and its next due times, or what is wrong with it and none."""
    # A rule that was good when saved can stop being so, when the time zone database drops its zone for instance. Such a
    # schedule is still to be seen, paused and corrected.
    try:
        rule = CronRule.parse(schedule.cron, schedule.timezone)
    except InvalidParameters as error:
        return error.message, []
    return describe(rule), rule.upcoming(now(), 5)


def _alerts(schedule: Schedule, person: Person, shares: Sequence[Sharing]) -> Alerts:
    told = Alerts(**schedule.alerts)
    if allowed(person, Action.EDIT, schedule.owner, shares):
        return told
    # Whoever knows a webhook's address can post there.
    hidden = [f"{url.partition('://')[0]}://{host_of(url)}/…" for url in told.webhooks]
    return told.model_copy(update={"webhooks": hidden})
