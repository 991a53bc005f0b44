"""JSON values of parameters as Python source of their declared types."""

import datetime as dt
import enum
from typing import Any

import pytest
from noteyard_lab.typed_values import MisfitError, injected_source


class Region(enum.Enum):
    NORTH = "n"


DATE = {"type": "string", "format": "date", "x-type": "date"}
MOMENT = {"type": "string", "format": "date-time", "x-type": "datetime"}
CASES: list[tuple[dict[str, Any], object, object]] = [
    (DATE, "2026-11-03", dt.date(2026, 11, 3)),
    ({**DATE, "type": ["string", "null"]}, None, None),
    (MOMENT, "2026-11-03T10:00:00", dt.datetime(2026, 11, 3, 10)),
    (MOMENT, "2026-11-03T10:00:00Z", dt.datetime(2026, 11, 3, 10, tzinfo=dt.UTC)),
    ({"x-type": "float"}, 3, 3.0),
    ({"x-type": "int"}, 3.0, 3),
    ({"x-type": "bool"}, True, True),
    ({"x-type": "str"}, 'it\'s "quoted"\n\\ \N{SNOWMAN} {x}', 'it\'s "quoted"\n\\ \N{SNOWMAN} {x}'),
    ({"x-type": "enum", "x-enum": {"NORTH": "Region.NORTH"}}, "NORTH", Region.NORTH),
    ({"x-type": "literal", "enum": [1, "a"]}, "a", "a"),
    ({"x-type": "list", "items": DATE}, ["2026-01-01", None], [dt.date(2026, 1, 1), None]),
    ({"x-type": "dict", "additionalProperties": MOMENT}, {"a'b": "2026-01-01T00:00"}, {"a'b": dt.datetime(2026, 1, 1)}),
    ({"x-type": "json"}, {"a": [1, 2.5, {"b": None}]}, {"a": [1, 2.5, {"b": None}]}),
    ({}, "2026-11-03", "2026-11-03"),
]


@pytest.mark.parametrize(("schema", "value", "expected"), CASES)
def test_a_value_becomes_what_is_declared(schema: dict[str, Any], value: object, expected: object) -> None:
    source = injected_source({"given": value}, {"properties": {"given": schema}}, "Parameters")
    names: dict[str, object] = {"Region": Region}
    exec(source, names)
    assert names["given"] == expected
    assert type(names["given"]) is type(expected)
    assert source.startswith("# Parameters\n")


def test_the_names_of_the_notebook_stay_its_own() -> None:
    names: dict[str, object] = {"datetime": "mine", "date": "mine"}
    exec(injected_source({"day": "2026-11-03"}, {"properties": {"day": DATE}}, "Parameters"), names)
    assert (names["datetime"], names["date"]) == ("mine", "mine")


@pytest.mark.parametrize(
    ("schema", "value", "message"),
    [
        (DATE, "soon", "The parameter given can't be 'soon': Invalid isoformat string: 'soon'"),
        (DATE, 3, "The parameter given can't be 3: Invalid isoformat string: '3'"),
        ({"x-type": "enum", "x-enum": {}}, "WEST", "The parameter given can't be 'WEST': 'WEST'"),
    ],
)
def test_a_misfit_is_named(schema: dict[str, Any], value: object, message: str) -> None:
    with pytest.raises(MisfitError) as caught:
        injected_source({"given": value}, {"properties": {"given": schema}}, "Parameters")
    assert str(caught.value) == message


@pytest.mark.parametrize("name", ["__import__('os').system('id');_", "a b", "class", "None", "a.b", ""])
def test_a_name_is_no_code(name: str) -> None:
    with pytest.raises(MisfitError) as caught:
        injected_source({name: 1}, {}, "Parameters")
    assert str(caught.value) == f"{name!r} can't be a parameter: it is no name that a variable of Python can have."
