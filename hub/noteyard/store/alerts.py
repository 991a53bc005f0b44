"""Alerts of schedules: who is told what, written to the outbox in the transaction of the event itself."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from noteyard.domain import RunState
from noteyard.notifications import Alert, AlertKind, error_line, failing_after, kind_after
from noteyard.store.outbox import NewMessage, enqueue
from noteyard.store.tables import Release, Run, Schedule


def alert_after(session: Session, run: Run, schedule: Schedule) -> None:
    """Tell of a run's final state where it matters, and remember whether the schedule is failing."""
    state = RunState(run.state)
    kind = kind_after(state, schedule.failing)
    schedule.failing = failing_after(state, schedule.failing)
    if kind is None:
        return
    failed = kind is AlertKind.FAILED
    alert = _alert(
        kind,
        schedule,
        run.notebook,
        due=run.due,
        run=run.id,
        state=state,
        attempts=run.attempt,
        error=error_line(run.error) if failed else None,
        cell=(run.error or {}).get("cell") if failed else None,
    )
    _tell(session, schedule, alert, run.id)


def alert_missed(session: Session, schedule: Schedule, dues: Sequence[datetime], reason: str) -> None:
    """Tell of due times that were missed: one message for all that are planned at once (500)."""
    if not dues:
        return
    notebook = session.get_one(Release, schedule.release).notebook
    found = {"due": min(dues), "last_due": max(dues), "count": len(dues), "reason": reason}
    alert = _alert(AlertKind.MISSED, schedule, notebook, **found)
    _tell(session, schedule, alert, f"{schedule.id}/{min(dues).isoformat()}")


def alert_test(session: Session, schedule: Schedule, moment: datetime) -> None:
    """Tell everybody whom the schedule's alerts name that this is a test; once a minute, however often it is asked."""
    notebook = session.get_one(Release, schedule.release).notebook
    alert = _alert(AlertKind.TEST, schedule, notebook)
    _tell(session, schedule, alert, f"{schedule.id}/{moment:%Y-%m-%dT%H:%M}")


def _alert(kind: AlertKind, schedule: Schedule, notebook: str, **event: Any) -> Alert:
    return Alert(
        kind=kind,
        schedule=schedule.id,
        schedule_name=schedule.name,
        notebook=notebook,
        timezone=schedule.timezone,
        **event,
    )


def _tell(session: Session, schedule: Schedule, alert: Alert, event: str) -> None:
    for channel, option in (("mail", "mail"), ("webhook", "webhooks")):
        for recipient in schedule.alerts.get(option, []):
            digest = hashlib.sha256(recipient.encode()).hexdigest()[:24]
            dedupe = f"{alert.kind.value}/{event}/{channel}/{digest}"
            enqueue(session, NewMessage(dedupe, channel, recipient, alert.as_payload(), schedule.id))
