"""Values that are filled in at each fire."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from noteyard.domain import Fire
from noteyard.errors import InvalidParameters
from noteyard.fire_templates import check_templates, has_templates, render_templates
from noteyard.parameters import schema_from_notebook

CELL = """
n: int = 1
share: float = 0.5
day: date = date(2026, 1, 1)
since: datetime = datetime(2026, 1, 1)
text: str = ""
dry: bool = False
days: list[date] = []
numbers: dict[str, int] = {}
anything = None
"""
SCHEMA = dict(
    schema_from_notebook(
        {"cells": [{"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": CELL}]}
    ).json_schema
)
FIRE = Fire(
    due=datetime(2026, 3, 31, 22, 30, tzinfo=UTC),  # 1 April, 00:30 in Berlin
    previous_due=datetime(2026, 3, 28, 22, 30, tzinfo=UTC),
    attempt=2,
    timezone="Europe/Berlin",
)
EXAMPLE = "write for instance {{ due | date }} or {{ due | days(-1) | date }}"


def render(**values: Any) -> dict[str, Any]:
    return render_templates(SCHEMA, values, FIRE)


def refused(**values: Any) -> list[tuple[str, str]]:
    with pytest.raises(InvalidParameters) as caught:
        check_templates(SCHEMA, values, FIRE.due, FIRE.timezone)
    return [(error.field, error.message) for error in caught.value.fields]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ due | date }}", "2026-04-01"),
        ("{{due|datetime}}", "2026-04-01T00:30:00+02:00"),
        ("{{ due }}", "2026-04-01T00:30:00+02:00"),
        ('{{ due | date("%Y/%m") }}', "2026/04"),
        ('{{ due | datetime("%H:%M %Z") }}', "00:30 CEST"),
        ("{{ due | days(-1) | date }}", "2026-03-31"),
        ("{{ due | days(-3) | datetime }}", "2026-03-29T00:30:00+01:00"),
        ("{{ due | hours(-48) | datetime }}", "2026-03-30T00:30:00+02:00"),
        ("{{ due | days(-1) | months(-1) | date }}", "2026-02-28"),
        ("{{ due | months(9) | date }}", "2027-01-01"),
        ("{{ previous_due | date }}", "2026-03-28"),
        ("{{ attempt }}", "2"),
        ("report {{ due | date }}, attempt {{ attempt }}\n", "report 2026-04-01, attempt 2\n"),
        ('{{ "{{" }} a {% b %} {# c #}', "{{ a {% b %} {# c #}"),
        ("no template }} {% x %}", "no template }} {% x %}"),
    ],
)
def test_templates_are_filled_in(template: str, expected: str) -> None:
    assert render(text=template) == {"text": expected}


def test_hours_are_real_ones_and_days_are_the_calendars() -> None:
    fire = Fire(datetime(2026, 3, 29, 10, tzinfo=UTC), None, 1, "Europe/Berlin")
    values = {"text": "{{ due | days(-1) | datetime }} {{ due | hours(-24) | datetime }}"}
    assert render_templates(SCHEMA, values, fire) == {"text": "2026-03-28T12:00:00+01:00 2026-03-28T11:00:00+01:00"}


def test_what_comes_out_has_the_type_of_the_parameter() -> None:
    assert render(
        n='{{ due | date("%Y") }}',
        share='0.{{ due | date("%m") }}',
        day="{{ due | date }}",
        dry="{{ 'yes' }}",
        days=["{{ previous_due | date }}", "{{ due | date }}"],
        numbers={"{{ key }}": "{{ attempt }}"},
        anything=["{{ attempt }}", {"a": '{{ due | date("%Y%m") }}'}, 3],
    ) == {
        "n": 2026,
        "share": 0.04,
        "day": "2026-04-01",
        "dry": True,
        "days": ["2026-03-28", "2026-04-01"],
        "numbers": {"{{ key }}": 2},
        "anything": ["2", {"a": "202604"}, 3],
    }


def test_checking_gives_what_a_fire_now_would_pass() -> None:
    checked = check_templates(SCHEMA, {"n": "{{ attempt }}", "day": "{{ previous_due | date }}"}, FIRE.due, "UTC")
    assert checked["n"] == 1
    assert checked["day"] == "2026-03-30"
    assert checked["text"] == ""


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{ duee | date }}", f"uses duee, which is not known; there are due, previous_due, attempt: {EXAMPLE}"),
        ("{{ due | dat }}", f"is no valid template (No filter named 'dat'.); {EXAMPLE}"),
        ("{{ }}", f"is no valid template (Expected an expression, got 'end of print statement'); {EXAMPLE}"),
        ("{{ due", f"is no valid template (unexpected end of template, expected 'end of print statement'.); {EXAMPLE}"),
        ("{{ due.year }}", f"uses more than due, previous_due, attempt and filters; {EXAMPLE}"),
        ("{{ 'a' * 10**10 }}", f"uses more than due, previous_due, attempt and filters; {EXAMPLE}"),
        ("{{ range(3) }}", f"uses more than due, previous_due, attempt and filters; {EXAMPLE}"),
        ("{{ due() }}", f"uses more than due, previous_due, attempt and filters; {EXAMPLE}"),
        ("{{ due if attempt else due }}", f"uses more than due, previous_due, attempt and filters; {EXAMPLE}"),
        ("{{ due is defined }}", f"uses more than due, previous_due, attempt and filters; {EXAMPLE}"),
        ("{{ due | days }}", "moves a time by something else than a whole number up to 40,000, as in days(-1)"),
        ("{{ due | days(1.5) }}", "moves a time by something else than a whole number up to 40,000, as in days(-1)"),
        ("{{ due | hours(9e9) }}", "moves a time by something else than a whole number up to 40,000, as in days(-1)"),
        ("{{ due | date('%Q') }}", 'uses %Q in a time format, which is not known; for instance "%Y-%m-%d" or "%H:%M"'),
        ("{{ due | date('%') }}", 'uses % in a time format, which is not known; for instance "%Y-%m-%d" or "%H:%M"'),
        ("{{ due | date(3) }}", "has a time format that is no text of at most 100 characters"),
        ("{{ attempt | date }}", f"uses a filter for times on 2; {EXAMPLE}"),
        ("{{ due | date | days(1) }}", f"uses a filter for times on '2026-04-01'; {EXAMPLE}"),
        ("{{ due | months(-40000) }}", "moves a time out of the calendar"),
        ("{{ due" + " | days(1)" * 160 + " }}", "is a template of more than 150 parts"),
        ("{{ due }}" * 300, "is a template of 2,700 characters, and at most 2,000 are allowed"),
    ],
)
def test_templates_that_can_not_be_used_are_refused_in_words(template: str, message: str) -> None:
    with pytest.raises(InvalidParameters) as caught:
        render(text=template)
    assert [(error.field, error.message) for error in caught.value.fields] == [("text", message)]


def test_templates_and_values_are_refused_together() -> None:
    assert refused(n="{{ due }}", day="{{ du }}", days=["{{ due | date }}", "x"], other=1) == [
        ("day", f"uses du, which is not known; there are due, previous_due, attempt: {EXAMPLE}"),
        (
            "other",
            "is not a parameter of this notebook; it takes n, share, day, since, text, dry, days, numbers, anything",
        ),
        ("n", 'must be a whole number, got "2026-04-01T00:30:00+02:00"'),
        ("days[1]", 'must be a date like 2026-01-31, got "x"'),
    ]


def test_a_fire_without_a_previous_due_time() -> None:
    fire = Fire(FIRE.due, None, 1, "UTC")
    for template in ("{{ previous_due | date }}", "{{ previous_due }}"):
        with pytest.raises(InvalidParameters) as caught:
            render_templates(SCHEMA, {"text": template}, fire)
        assert caught.value.fields[0].message == "has no previous due time to use at this fire"


def test_has_templates() -> None:
    assert has_templates({"a": [1, {"b": "x {{ due }}"}]})
    assert not has_templates({"a": [1, {"{{ due }}": "x"}], "b": "{% due %}"})


def test_values_nested_without_end_are_refused() -> None:
    value: Any = "{{ due }}"
    for _ in range(100_000):
        value = [value]
    assert has_templates({"a": value})
    assert refused(anything=value) == [("anything", "is nested more than 50 levels deep")]


PIECES = st.sampled_from(
    [
        *("{{", "}}", " due ", " attempt ", "previous_due", "|", "date", "days", "months", "(", ")", "-", "1", '"%Y"'),
        *(
            "{%",
            "%}",
            "{#",
            "\0{%",
            "raw",
            "%}\0",
            ".",
            "[",
            "]",
            "*",
            "__class__",
            "'",
            " if ",
            " for ",
            "x",
            "~",
            ",",
        ),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=15).map(lambda pieces: "{{" + "".join(pieces) + "}}"))
def test_any_template_is_filled_in_or_refused_in_words(template: str) -> None:
    try:
        found = render(text=template)["text"]
    except InvalidParameters as error:
        assert error.fields[0].message
    else:
        assert "<" not in found  # nothing of Python's own, as in `<function …>`
