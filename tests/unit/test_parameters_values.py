"""Values checked against a parameter schema: filled in, brought to one form, or refused together with their fields."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from noteyard.errors import InvalidParameters
from noteyard.parameters import schema_from_notebook, validate


def schema_of(source: str) -> dict[str, Any]:
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": source}
    return dict(schema_from_notebook({"cells": [cell]}).json_schema)


def refused(schema: dict[str, Any], values: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidParameters) as caught:
        validate(schema, values)
    assert caught.value.status == 422
    return [(error.field, error.message) for error in caught.value.fields]


EVERYTHING = """
from enum import Enum
class Region(Enum):
    NORTH = "north"
    SOUTH = "south"
days: Annotated[int, Ge(1), Le(365)] = 7
share: Annotated[float, Gt(0), Lt(1)] = 0.5
step: Annotated[float, MultipleOf(0.1)] = 0.3
dry: bool = False
name: Annotated[str, MinLen(2), MaxLen(5)] = "abc"
day: Annotated[date, Ge(date(2026, 1, 1)), Lt(date(2027, 1, 1))] = date(2026, 5, 6)
since: Annotated[datetime, Gt(datetime(2026, 1, 1))] = datetime(2026, 5, 6)
region: Region = Region.NORTH
kind: Literal["daily", "weekly", 3] = "daily"
limit: int | None = None
tags: Annotated[list[str], Len(1, 3)] = ["a"]
weights: dict[str, float] = {"a": 1}
anything: Any = None
"""
SCHEMA = schema_of(EVERYTHING)


def test_defaults_are_filled_in_in_the_order_of_the_schema() -> None:
    filled = validate(SCHEMA, {"kind": "weekly"})
    assert filled == {
        "days": 7,
        "share": 0.5,
        "step": 0.3,
        "dry": False,
        "name": "abc",
        "day": "2026-05-06",
        "since": "2026-05-06T00:00:00",
        "region": "NORTH",
        "kind": "weekly",
        "limit": None,
        "tags": ["a"],
        "weights": {"a": 1.0},
        "anything": None,
    }
    assert list(filled) == list(SCHEMA["properties"])


def test_filled_in_defaults_are_not_shared_with_the_schema() -> None:
    validate(SCHEMA, {})["tags"].append("b")
    assert SCHEMA["properties"]["tags"]["default"] == ["a"]


def test_a_computed_default_stays_out() -> None:
    schema = schema_of("day: date = date.today()\nname: str = 'x'")
    assert validate(schema, {}) == {"name": "x"}
    assert validate(schema, {"day": "2026-01-02"}) == {"day": "2026-01-02", "name": "x"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"days": 8.0}, 8),
        ({"share": 0.25}, 0.25),
        ({"step": 1}, 1.0),
        ({"since": "2026-05-06 08:30"}, "2026-05-06T08:30:00"),
        ({"since": "2026-05-06T08:30:00.5Z"}, "2026-05-06T08:30:00.500000+00:00"),
        ({"since": "2026-05-06T08:30+02:00"}, "2026-05-06T08:30:00+02:00"),
        ({"weights": {"x": 2}}, {"x": 2.0}),
        ({"anything": {"a": [1, None, "x"]}}, {"a": [1, None, "x"]}),
    ],
)
def test_values_are_brought_to_one_form(values: dict[str, Any], expected: Any) -> None:
    (name,) = values
    found = validate(SCHEMA, values)[name]
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("days", 0, "must be at least 1, got 0"),
        ("days", 366, "must be at most 365, got 366"),
        ("days", 1.5, "must be a whole number, got 1.5"),
        ("days", "7", 'must be a whole number, got "7"'),
        ("days", True, "must be a whole number, got true"),
        ("days", None, "must be a whole number, got null"),
        ("days", [7], "must be a whole number, got [7]"),
        ("share", 0, "must be more than 0, got 0"),
        ("share", 1.0, "must be less than 1, got 1.0"),
        ("share", "a", 'must be a number, got "a"'),
        ("share", float("nan"), "must be a finite number below 1e300"),
        ("share", 10**400, "must be a finite number below 1e300"),
        ("step", 0.35, "must be a multiple of 0.1, got 0.35"),
        ("dry", "yes", 'must be true or false, got "yes"'),
        ("dry", 1, "must be true or false, got 1"),
        ("name", "a", 'must have at least 2 characters, got "a"'),
        ("name", "abcdef", 'must have at most 5 characters, got "abcdef"'),
        ("name", "a\0b", "holds characters that can't be stored (NUL, or half of a surrogate pair)"),
        ("name", "a\ud800", "holds characters that can't be stored (NUL, or half of a surrogate pair)"),
        ("day", "2026-02-30", 'must be a date like 2026-01-31, got "2026-02-30"'),
        ("day", "2026-W01-1", 'must be a date like 2026-01-31, got "2026-W01-1"'),
        ("day", "2025-12-31", 'must not be before 2026-01-01, got "2025-12-31"'),
        ("day", "2027-01-01", 'must be before 2027-01-01, got "2027-01-01"'),
        ("day", 3, "must be a date like 2026-01-31, got 3"),
        ("since", "2026-01-01T00:00", 'must be after 2026-01-01T00:00:00, got "2026-01-01T00:00"'),
        ("since", "2026-01-01T01:00+02:00", 'must be after 2026-01-01T00:00:00, got "2026-01-01T01:00+02:00"'),
        ("since", "2026-05-06", 'must be a date and time like 2026-01-31T08:30:00+00:00, got "2026-05-06"'),
        ("since", "2026-05-06T25:00", 'must be a date and time like 2026-01-31T08:30:00+00:00, got "2026-05-06T25:00"'),
        ("region", "NORHT", 'must be one of "NORTH", "SOUTH", got "NORHT" (did you mean "NORTH"?)'),
        ("region", 3, 'must be one of "NORTH", "SOUTH", got 3'),
        ("kind", "hourly", 'must be one of "daily", "weekly", 3, got "hourly"'),
        ("kind", 3.5, 'must be one of "daily", "weekly", 3, got 3.5'),
        ("limit", "x", 'must be a whole number or null, got "x"'),
        ("tags", [], "must have at least 1 entry, got []"),
        ("tags", ["a"] * 4, 'must have at most 3 entries, got ["a", "a", "a", "a"]'),
        ("tags", "a", 'must be a list, got "a"'),
        ("weights", [1], "must be a JSON object, got [1]"),
        ("anything", {1, 2}, "must be a JSON value, got a set"),
        ("anything", "x" * 100_000, None),
    ],
)
def test_what_does_not_fit_is_refused_in_words(name: str, value: Any, message: str | None) -> None:
    if message is None:
        assert validate(SCHEMA, {name: value})[name] == value
    else:
        assert refused(SCHEMA, {name: value}) == [(name, message)]


def test_parts_of_a_value_are_named() -> None:
    assert refused(SCHEMA, {"tags": ["a", 2], "weights": {"x": "y"}}) == [
        ("tags[1]", "must be text, got 2"),
        ("weights.x", 'must be a number, got "y"'),
    ]


def test_everything_wrong_is_refused_together() -> None:
    schema = schema_of("region: str\ndays: int = 3\nday: date")
    assert refused(schema, {"regoin": "x", "days": "x", "q": 1}) == [
        ("regoin", "is not a parameter of this notebook (did you mean region?)"),
        ("q", "is not a parameter of this notebook; it takes region, days, day"),
        ("region", "needs a value"),
        ("days", 'must be a whole number, got "x"'),
        ("day", "needs a value"),
    ]


def test_the_message_lists_the_fields() -> None:
    with pytest.raises(InvalidParameters) as caught:
        validate(SCHEMA, {"days": 0, "dry": 1})
    assert caught.value.message == (
        "Some values can't be used: days: must be at least 1, got 0; dry: must be true or false, got 1."
    )


def test_a_notebook_without_parameters_says_how_to_declare_them() -> None:
    assert refused(schema_of(""), {"x": 1}) == [
        ("x", "this notebook takes no parameters; tag a code cell `parameters` to declare some")
    ]


def test_long_values_are_cut_in_messages() -> None:
    ((_, message),) = refused(SCHEMA, {"days": "x" * 1000})
    assert message == f'must be a whole number, got "{"x" * 58}…'


def test_values_nested_without_end_are_refused() -> None:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    assert refused(SCHEMA, {"anything": value}) == [("anything", "is nested more than 50 levels deep")]


def test_an_open_schema_takes_any_names() -> None:
    schema = schema_from_notebook(
        {
            "metadata": {"kernelspec": {"language": "R"}},
            "cells": [{"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": "x <- 1"}],
        }
    ).json_schema
    assert validate(schema, {"x": 1, "a.b": [2]}) == {"x": 1, "a.b": [2]}
    assert refused(dict(schema), {"x": "\0"})[0][0] == "x"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.dates().map(str),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "other"]), JSON_VALUES, max_size=6))
def test_any_json_is_refused_in_words_or_kept_as_it_is(values: dict[str, Any]) -> None:
    try:
        filled = validate(SCHEMA, values)
    except InvalidParameters as error:
        assert error.fields
        assert all(field.field and field.message for field in error.fields)
    else:
        assert validate(SCHEMA, filled) == filled
        assert json.loads(json.dumps(filled, allow_nan=False)) == filled
        assert all(filled[name] == value or isinstance(value, str) for name, value in values.items())


@given(
    st.datetimes(timezones=st.none() | st.just(UTC) | st.integers(-23, 23).map(lambda h: timezone(timedelta(hours=h))))
)
def test_every_datetime_of_python_passes(value: datetime) -> None:
    schema = schema_of("x: datetime\ny: date")
    values = {"x": value.isoformat(), "y": value.date().isoformat()}
    assert validate(schema, values) == values
    assert datetime.fromisoformat(values["x"]) == value
    assert date.fromisoformat(values["y"]) == value.date()


def test_where_any_name_is_taken_it_is_one_that_a_variable_can_have() -> None:
    unread = schema_of("%%time\nx = 1")
    assert validate(unread, {"x": 2, "größe": 3, "of.r": 4}) == {"x": 2, "größe": 3, "of.r": 4}
    bad = ["__import__('os').system('id');_", "a b", "", "a..b", "a\nb", "1a", "$(run)"]
    sentence = "is no name that a variable can have"
    assert refused(unread, dict.fromkeys(bad, 1)) == [(name, sentence) for name in bad]
