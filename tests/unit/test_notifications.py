"""Alerts in words."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from noteyard.domain import RunState
from noteyard.notifications import (
    Alert,
    AlertKind,
    error_line,
    failing_after,
    kind_after,
    mail_text,
    subject,
    webhook_body,
)
from noteyard.urls import PublicUrls

URLS = PublicUrls("https://yard.example.org", "https://apps.example.net", "https://s3.example.org")
DUE = datetime(2026, 11, 3, 5, 0, tzinfo=UTC)


def alert(kind: AlertKind = AlertKind.FAILED, **fields: Any) -> Alert:
    given: dict[str, Any] = {
        "schedule": "c1",
        "schedule_name": "Nightly weather",
        "notebook": "weather/collect.ipynb",
        "timezone": "Europe/Berlin",
        "due": DUE,
        "run": "r1",
        "state": RunState.FAILED,
        "attempts": 3,
        "error": "ValueError: no data for 2026-11-02",
        "cell": 4,
    }
    return Alert(kind=kind, **{**given, **fields})


def test_a_failure_by_mail() -> None:
    assert subject(alert()) == "Failed: Nightly weather"
    assert mail_text(alert(), URLS) == (
        "A run of “Nightly weather” failed after 3 attempts and is not tried again.\n"
        "\n"
        "Schedule: Nightly weather\n"
        "Notebook: weather/collect.ipynb\n"
        "Due: 2026-11-03 06:00 CET\n"
        "Error: ValueError: no data for 2026-11-02 (cell 5)\n"
        "\n"
        "https://yard.example.org/portal/runs/r1\n"
        "\n"
        "You get this because an alert of the schedule names your address: "
        "https://yard.example.org/portal/schedules/c1\n"
    )


def test_a_failure_by_webhook() -> None:
    body = webhook_body(alert(), URLS)
    assert body == {
        "text": (
            "*Failed: Nightly weather*\n"
            "A run of “Nightly weather” failed after 3 attempts and is not tried again.\n"
            "Due: 2026-11-03 06:00 CET\n"
            "Error: ValueError: no data for 2026-11-02 (cell 5)\n"
            "<https://yard.example.org/portal/runs/r1|Open the run>"
        ),
        "event": "run.failed",
        "schedule": {
            "id": "c1",
            "name": "Nightly weather",
            "url": "https://yard.example.org/portal/schedules/c1",
        },
        "notebook": "weather/collect.ipynb",
        "run": {
            "id": "r1",
            "url": "https://yard.example.org/portal/runs/r1",
            "state": "failed",
            "due": "2026-11-03T05:00:00+00:00",
            "attempts": 3,
            "error": "ValueError: no data for 2026-11-02",
            "cell": 4,
        },
        "missed": None,
    }
    assert json.loads(json.dumps(body)) == body


@pytest.mark.parametrize(
    ("made", "expected", "words"),
    [
        (alert(state=RunState.TIMED_OUT, attempts=1), "Timed out: Nightly weather", "ran out of time and is not"),
        (alert(state=RunState.LOST), "Lost: Nightly weather", "lost its worker after 3 attempts"),
        (alert(AlertKind.WORKS_AGAIN, error=None), "Works again: Nightly weather", "works again: its last run"),
        (
            alert(AlertKind.MISSED, run=None, reason="Noteyard was not running."),
            "Not run: Nightly weather",
            "did not run when it was due.\n",
        ),
        (
            alert(AlertKind.MISSED, run=None, count=7, last_due=datetime(2026, 11, 9, 5, tzinfo=UTC)),
            "Not run, 7 times: Nightly weather",
            "Due: 2026-11-03 06:00 CET to 2026-11-09 06:00 CET\n",
        ),
    ],
)
def test_the_other_alerts(made: Alert, expected: str, words: str) -> None:
    assert subject(made) == expected
    assert words in mail_text(made, URLS)


def test_a_missed_fire_links_to_the_schedule() -> None:
    made = alert(AlertKind.MISSED, run=None, state=None, reason="Noteyard was not running.")
    body = webhook_body(made, URLS)
    assert body["run"] is None
    assert body["missed"] == {
        "count": 1,
        "first_due": "2026-11-03T05:00:00+00:00",
        "last_due": None,
        "reason": "Noteyard was not running.",
    }
    assert "<https://yard.example.org/portal/schedules/c1|Open the schedule>" in body["text"]


def test_names_can_not_break_out_of_a_header_or_a_message() -> None:
    made = alert(schedule_name="a\r\nBcc: eve@example.org <!channel> & *b*", error="E: <http://evil|click>")
    assert subject(made) == "Failed: a Bcc: eve@example.org <!channel> & *b*"
    text = webhook_body(made, URLS)["text"]
    assert "&lt;!channel&gt; &amp; *b*" in text
    assert "&lt;http://evil|click&gt;" in text


def test_an_alert_survives_the_outbox() -> None:
    assert Alert.from_payload(json.loads(json.dumps(alert().as_payload()))) == alert()


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (None, None),
        ({"name": "ValueError", "message": "a\nb\x1b[0m"}, "ValueError: a b [0m"),
        ({"name": "KeyboardInterrupt", "message": ""}, "KeyboardInterrupt"),
        ({"name": "E", "message": "x" * 900}, "E: " + "x" * 496 + "…"),
    ],
)
def test_an_error_in_a_line(error: dict[str, Any] | None, line: str | None) -> None:
    assert error_line(error) == line


@pytest.mark.parametrize(
    ("state", "failing", "kind", "after"),
    [
        (RunState.FAILED, False, AlertKind.FAILED, True),
        (RunState.FAILED, True, AlertKind.FAILED, True),
        (RunState.TIMED_OUT, False, AlertKind.FAILED, True),
        (RunState.LOST, False, AlertKind.FAILED, True),
        (RunState.SUCCEEDED, True, AlertKind.WORKS_AGAIN, False),
        (RunState.SUCCEEDED, False, None, False),
        (RunState.CANCELLED, True, None, True),
        (RunState.CANCELLED, False, None, False),
    ],
)
def test_who_is_told_when(state: RunState, failing: bool, kind: AlertKind | None, after: bool) -> None:
    assert kind_after(state, failing) is kind
    assert failing_after(state, failing) is after
