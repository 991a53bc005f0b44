"""Texts of forms, URLs and command lines, read by the schema's types, and what a notebook gets in the end."""

import importlib.util
import sys
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from noteyard.errors import InvalidParameters
from noteyard.parameters import coerce_query, schema_from_notebook, validate

CELL = """
from datetime import date, datetime
from enum import Enum
from typing import Literal, Optional
class Region(Enum):
    NORTH = "north"
    SOUTH = 2
    EAST = len("abc")
days: int = 7
share: float = 0.5
dry: bool = False
name: str = "abc"
nick: Optional[str] = None
day: date = date(2026, 5, 6)
maybe_day: Optional[date] = None
since: datetime = datetime(2026, 5, 6)
today: date = date.today()
maybe_today: Optional[date] = date.today()
region: Region = Region.NORTH
maybe_region: Optional[Region] = None
kind: Literal["daily", "Weekly", 3, True, None] = "daily"
limit: Optional[int] = 5
tags: list[str] = ["a"]
counts: list[int] = []
maybe_counts: Optional[list[int]] = None
grid = [[1, 2], [3, 4]]
loose: list = []
weights: dict[str, float] = {}
anything = None
"""


def schema_of(source: str) -> dict[str, Any]:
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": source}
    return dict(schema_from_notebook({"cells": [cell]}).json_schema)


SCHEMA = schema_of(CELL)


@pytest.mark.parametrize(
    ("name", "texts", "expected"),
    [
        ("days", ["8"], 8),
        ("days", [" -8 "], -8),
        ("days", ["007"], 7),
        ("days", ["8.0"], "8.0"),
        ("days", ["x"], "x"),
        ("days", ["9" * 5000], "9" * 5000),
        ("days", ["1", "2"], [1, 2]),
        ("share", ["1"], 1.0),
        ("share", ["1e-3"], 0.001),
        ("share", [".5"], 0.5),
        ("share", ["nan"], "nan"),
        ("share", ["1_000"], "1_000"),
        ("dry", ["on"], True),
        ("dry", ["YES"], True),
        ("dry", ["0"], False),
        ("dry", ["maybe"], "maybe"),
        ("dry", ["false", "true"], True),
        ("name", ["null"], "null"),
        ("name", [""], ""),
        ("name", [" a "], " a "),
        ("nick", [""], None),
        ("nick", ["none"], "none"),
        ("day", [" 2026-01-02 "], "2026-01-02"),
        ("maybe_day", [""], None),
        ("maybe_day", ["null"], None),
        ("since", ["2026-01-02T03:04"], "2026-01-02T03:04"),
        ("region", ["NORTH"], "NORTH"),
        ("region", ["south"], "SOUTH"),
        ("region", ["2"], "SOUTH"),
        ("region", ["north"], "NORTH"),
        ("region", ["West"], "West"),
        ("maybe_region", [""], None),
        ("maybe_region", ["none"], None),
        ("kind", ["Weekly"], "Weekly"),
        ("kind", ["weekly"], "weekly"),
        ("kind", ["3"], 3),
        ("kind", ["True"], True),
        ("kind", [""], None),
        ("limit", [""], None),
        ("limit", ["None"], None),
        ("limit", ["6"], 6),
        ("tags", ["x"], ["x"]),
        ("tags", ["x", "y"], ["x", "y"]),
        ("tags", ["x\r\ny\n\n"], ["x", "y"]),
        ("tags", ['["x", ""]'], ["x", ""]),
        ("tags", [""], []),
        ("tags", ["", "x"], ["x"]),
        ("tags", ["[x"], ["[x"]),
        ("tags", ["[x]"], ["[x]"]),
        ("tags", ["[x]\ny"], ["[x]", "y"]),
        ("tags", ['["[x]"]'], ["[x]"]),
        ("tags", ['["x", 1]'], ["x", 1]),
        ("tags", ["[{{ due | date }}]"], "[{{ due | date }}]"),
        ("tags", ["[" * 100_000], ["[" * 100_000]),
        ("counts", ["1", "x"], [1, "x"]),
        ("counts", ["[1, 2]"], [1, 2]),
        ("counts", ['[1, "x"]'], [1, "x"]),
        ("grid", ["[[1, 2], [3, 4]]"], [[1, 2], [3, 4]]),
        ("grid", ["[1, 2]\n[3, 4]"], [[1, 2], [3, 4]]),
        ("grid", ["[1, 2]", "[3, 4]"], [[1, 2], [3, 4]]),
        ("grid", ["[1, 2]"], [[1, 2]]),
        ("grid", ['[["x"]]'], [["x"]]),
        ("loose", ["[1, 2]"], [1, 2]),
        ("maybe_counts", [""], None),
        ("maybe_counts", ["[]"], []),
        ("maybe_counts", ["null"], None),
        ("weights", ['{"a": 1}'], {"a": 1}),
        ("weights", ["a=1"], "a=1"),
        ("anything", ["[1]"], [1]),
        ("anything", ["x"], "x"),
        ("anything", ["[" * 100_000], "[" * 100_000),
        ("other", ["1"], 1),
    ],
)
def test_texts_are_read_by_the_type(name: str, texts: list[str], expected: Any) -> None:
    found = coerce_query(SCHEMA, [(name, text) for text in texts])
    assert found == {name: expected}
    assert type(found[name]) is type(expected)


@pytest.mark.parametrize("name", ["days", "share", "dry", "day", "since", "today", "maybe_today", "region", "weights"])
def test_empty_text_counts_as_not_given(name: str) -> None:
    assert coerce_query(SCHEMA, [(name, "")]) == {}


def test_what_can_not_be_read_is_refused_together_by_validate() -> None:
    pairs = [("days", "x"), ("share", "1"), ("share", "2"), ("dry", "maybe"), ("day", "1.2.2026"), ("counts", "1\nx")]
    with pytest.raises(InvalidParameters) as caught:
        validate(SCHEMA, coerce_query(SCHEMA, [*pairs, ("regoin", "north")]))
    assert [(error.field, error.message) for error in caught.value.fields] == [
        ("regoin", "is not a parameter of this notebook (did you mean region?)"),
        ("days", 'must be a whole number, got "x"'),
        ("share", "must be a number, got [1.0, 2.0]"),
        ("dry", 'must be true or false, got "maybe"'),
        ("day", 'must be a date like 2026-01-31, got "1.2.2026"'),
        ("counts[1]", 'must be a whole number, got "x"'),
    ]


def test_names_of_a_notebook_in_another_language_pass() -> None:
    assert coerce_query({"type": "object", "properties": {}}, [("a", "1"), ("b", "x"), ("b", "2")]) == {
        "a": 1,
        "b": ["x", 2],
    }


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([*SCHEMA["properties"], "other"]), st.text(max_size=12)), max_size=6))
def test_any_text_is_a_value_or_refused_in_words(pairs: list[tuple[str, str]]) -> None:
    try:
        validate(SCHEMA, coerce_query(SCHEMA, pairs))
    except InvalidParameters as error:
        assert error.fields


class Region(Enum):
    NORTH = "north"
    SOUTH = 2
    EAST = 3


LINES = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="["), min_size=1, max_size=8)
TYPED = st.fixed_dictionaries(
    {},
    optional={
        "days": st.integers(),
        "share": st.floats(allow_nan=False, allow_infinity=False, width=32),
        "dry": st.booleans(),
        "name": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10),
        "day": st.dates(),
        "since": st.datetimes() | st.datetimes(timezones=st.just(UTC)),
        "region": st.sampled_from(Region),
        "limit": st.none() | st.integers(0, 9),
        "tags": st.lists(LINES, max_size=3),
        "counts": st.lists(st.integers(), max_size=3),
    },
)


def _texts(value: Any) -> list[str]:
    match value:
        case None:
            return [""]
        case Enum():
            return [value.name]
        case date():
            return [value.isoformat()]
        case list():
            return [str(item) for item in value] or [""]
        case _:
            return [str(value)]


@pytest.fixture(scope="module")
def typed_values() -> ModuleType:
    """The user side's module that writes the injected cell; it stands in the other distribution."""
    folder = Path(__file__).parents[2] / "extensions" / "noteyard-lab" / "noteyard_lab"
    spec = importlib.util.spec_from_file_location("typed_values", folder / "typed_values.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@settings(max_examples=100, deadline=None)
@given(given_values=TYPED)
def test_a_notebook_gets_what_was_typed_into_the_form(typed_values: ModuleType, given_values: dict[str, Any]) -> None:
    pairs = [(name, text) for name, value in given_values.items() for text in _texts(value)]
    values = validate(SCHEMA, coerce_query(SCHEMA, pairs))

    namespace: dict[str, Any] = {}
    exec(CELL, namespace)
    defaults = dict(namespace)
    exec(typed_values.injected_source(values, SCHEMA, "Parameters"), namespace)

    for name in SCHEMA["properties"]:
        expected, found = given_values.get(name, defaults[name]), namespace[name]
        if isinstance(expected, Enum):
            assert found is namespace["Region"][expected.name]
        else:
            assert found == expected
            assert type(found) is type(expected)


def test_default_datetimes_come_back_as_they_are(typed_values: ModuleType) -> None:
    namespace: dict[str, Any] = {}
    exec(typed_values.injected_source(validate(SCHEMA, {}), SCHEMA, "Parameters"), {**_names(), "_": 1}, namespace)
    assert namespace["since"] == datetime(2026, 5, 6)
    assert namespace["day"] == date(2026, 5, 6)
    assert "today" not in namespace


def _names() -> dict[str, Any]:
    return {"Region": Region}
