"""Alerts in words: what a mail or webhook says about a schedule's run or missed fire. Pure.

An alert is kept in the outbox as plain JSON (`as_payload`) and put into words when it is sent.
"""

from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict

from noteyard.domain import RunState
from noteyard.urls import PublicUrls

ERROR_LENGTH = 500


class AlertKind(StrEnum):
    """What happened. The values are the webhook's `event`."""

    FAILED = "run.failed"
    WORKS_AGAIN = "run.works_again"
    MISSED = "fire.missed"
    TEST = "alert.test"


class Alert(BaseModel):
    """One event of a schedule. `due` is the first due time of `count` missed ones, or the run's; instants are UTC."""

    model_config = ConfigDict(frozen=True)

    kind: AlertKind
    schedule: str
    schedule_name: str
    notebook: str
    timezone: str
    due: datetime | None = None
    run: str | None = None
    state: RunState | None = None
    attempts: int = 0
    error: str | None = None
    cell: int | None = None
    reason: str | None = None
    count: int = 1
    last_due: datetime | None = None

    def as_payload(self) -> dict[str, Any]:
        return self.model_dump(mode="json")

    @classmethod
    def from_payload(cls, payload: dict[str, Any]) -> Self:
        return cls.model_validate(payload)


def kind_after(state: RunState, failing: bool) -> AlertKind | None:
    """Which alert a run's final state makes for a schedule that was `failing` before; None: nobody is told."""
    if state in (RunState.FAILED, RunState.TIMED_OUT, RunState.LOST):
        return AlertKind.FAILED
    return AlertKind.WORKS_AGAIN if state is RunState.SUCCEEDED and failing else None


def failing_after(state: RunState, failing: bool) -> bool:
    """Whether a schedule counts as failing after a run's final state; a cancelled run says nothing about it."""
    kind = kind_after(state, failing)
    return failing if kind is None else kind is AlertKind.FAILED


def error_line(error: dict[str, Any] | None) -> str | None:
    """`ValueError: no data`, one line, for an attempt's recorded error."""
    if not error:
        return None
    text = _one_line(f"{error.get('name') or 'Error'}: {error.get('message') or ''}").removesuffix(":")
    return text if len(text) <= ERROR_LENGTH else text[: ERROR_LENGTH - 1] + "…"


def subject(alert: Alert) -> str:
    """The mail's subject, one line."""
    name = _one_line(alert.schedule_name)
    if alert.kind is AlertKind.FAILED:
        return f"{_outcome(alert)}: {name}"
    if alert.kind is AlertKind.WORKS_AGAIN:
        return f"Works again: {name}"
    if alert.kind is AlertKind.TEST:
        return f"Test: {name}"
    return f"Not run: {name}" if alert.count == 1 else f"Not run, {alert.count} times: {name}"


def mail_text(alert: Alert, urls: PublicUrls) -> str:
    """The mail's body, plain text."""
    details = [("Schedule", _one_line(alert.schedule_name)), ("Notebook", _one_line(alert.notebook)), *_details(alert)]
    lines = [sentence(alert), "", *(f"{label}: {text}" for label, text in details), "", link(alert, urls), ""]
    lines.append(f"You get this because an alert of the schedule names your address: {schedule_link(alert, urls)}")
    return "\n".join(lines) + "\n"


def webhook_body(alert: Alert, urls: PublicUrls) -> dict[str, Any]:
    """The webhook's JSON: `text` as Slack and its kin show it, beside fields for programs.

    {"text", "event", "schedule": {"id", "name", "url"}, "notebook", "run": {"id", "url", "state", "due", "attempts",
    "error", "cell"} | null, "missed": {"count", "first_due", "last_due", "reason"} | null}
    """
    lines = [
        f"*{_slack(subject(alert))}*",
        _slack(sentence(alert)),
        *(f"{label}: {_slack(text)}" for label, text in _details(alert)),
        f"<{link(alert, urls)}|{'Open the run' if alert.run else 'Open the schedule'}>",
    ]
    return {
        "text": "\n".join(lines),
        "event": alert.kind.value,
        "schedule": {"id": alert.schedule, "name": alert.schedule_name, "url": schedule_link(alert, urls)},
        "notebook": alert.notebook,
        "run": _run_fields(alert, urls) if alert.run else None,
        "missed": _missed_fields(alert) if alert.kind is AlertKind.MISSED else None,
    }


def sentence(alert: Alert) -> str:
    """What happened, in one sentence."""
    name = f"“{_one_line(alert.schedule_name)}”"
    if alert.kind is AlertKind.FAILED:
        what = {RunState.TIMED_OUT: "ran out of time", RunState.LOST: "lost its worker"}.get(
            alert.state or RunState.FAILED, "failed"
        )
        tried = f" after {alert.attempts} attempts" if alert.attempts > 1 else ""
        return f"A run of {name} {what}{tried} and is not tried again."
    if alert.kind is AlertKind.WORKS_AGAIN:
        return f"{name} works again: its last run succeeded."
    if alert.kind is AlertKind.TEST:
        return f"This tests the alerts of {name}; nothing has happened to it."
    if alert.count == 1:
        return f"{name} did not run when it was due."
    return f"{name} did not run {alert.count} times when it was due."


def link(alert: Alert, urls: PublicUrls) -> str:
    """Where a person goes next: the run's page, or the schedule's when there is no run."""
    return urls.run(alert.run) if alert.run else schedule_link(alert, urls)


def schedule_link(alert: Alert, urls: PublicUrls) -> str:
    return urls.schedule(alert.schedule)


def _details(alert: Alert) -> list[tuple[str, str]]:
    details: list[tuple[str, str]] = []
    if alert.due is not None:
        due = _local(alert.due, alert.timezone)
        many = alert.last_due is not None and alert.count > 1
        details.append(
            ("Due", f"{due} to {_local(alert.last_due, alert.timezone)}" if many and alert.last_due else due)
        )
    if alert.error:
        where = f" (cell {alert.cell + 1})" if alert.cell is not None else ""
        details.append(("Error", f"{alert.error}{where}"))
    if alert.reason:
        details.append(("Reason", _one_line(alert.reason)))
    return details


def _run_fields(alert: Alert, urls: PublicUrls) -> dict[str, Any]:
    return {
        "id": alert.run,
        "url": link(alert, urls),
        "state": alert.state,
        "due": alert.due.isoformat() if alert.due else None,
        "attempts": alert.attempts,
        "error": alert.error,
        "cell": alert.cell,
    }


def _missed_fields(alert: Alert) -> dict[str, Any]:
    return {
        "count": alert.count,
        "first_due": alert.due.isoformat() if alert.due else None,
        "last_due": alert.last_due.isoformat() if alert.last_due else None,
        "reason": alert.reason,
    }


def _outcome(alert: Alert) -> str:
    return {RunState.TIMED_OUT: "Timed out", RunState.LOST: "Lost"}.get(alert.state or RunState.FAILED, "Failed")


def _local(moment: datetime, timezone: str) -> str:
    try:
        zone: tzinfo = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):  # gone from the time zone database
        zone = UTC
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _slack(text: str) -> str:
    # https://docs.slack.dev/messaging/formatting-message-text#escaping: without it a name could make a link or ping.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
