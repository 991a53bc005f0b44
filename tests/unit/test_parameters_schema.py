"""The parameter schema that a notebook's parameters cell gives."""

from typing import Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from noteyard.errors import NoteyardError
from noteyard.parameters import ParameterSchema, schema_from_notebook


def notebook(source: str | list[str], *earlier: str, language: str = "python") -> dict[str, Any]:
    tagged = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": source}
    return {
        "nbformat": 4,
        "metadata": {"language_info": {"name": language}},
        "cells": [*({"cell_type": "code", "metadata": {}, "source": text} for text in earlier), tagged],
    }


def read(source: str, *earlier: str) -> ParameterSchema:
    schema = schema_from_notebook(notebook(source, *earlier))
    Draft202012Validator.check_schema(schema.json_schema)
    return schema


def properties(source: str, *earlier: str) -> dict[str, Any]:
    schema = read(source, *earlier)
    assert schema.notes == ()
    found: dict[str, Any] = schema.json_schema["properties"]
    return found


def only(source: str, *earlier: str) -> dict[str, Any]:
    (found,) = properties(source, *earlier).values()
    return dict(found)


def noted(source: str, *earlier: str) -> tuple[dict[str, Any], list[tuple[int, str]]]:
    schema = read(source, *earlier)
    return schema.json_schema["properties"], [(note.line, note.message) for note in schema.notes]


INT = {"type": "integer", "x-type": "int"}
STR = {"type": "string", "x-type": "str"}
FLOAT = {"type": "number", "x-type": "float"}
DATE = {"type": "string", "format": "date", "x-type": "date"}
DATETIME = {"type": "string", "format": "date-time", "x-type": "datetime"}
JSON = {"x-type": "json"}


def test_the_whole_schema() -> None:
    schema = read("days: int = 7  # how many days\nname: str\nzone: str = 'UTC'")
    assert schema.json_schema == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "days": {**INT, "default": 7, "description": "how many days"},
            "name": STR,
            "zone": {**STR, "default": "UTC"},
        },
        "required": ["name"],
        "additionalProperties": False,
    }
    assert list(schema.json_schema["properties"]) == ["days", "name", "zone"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 3", {**INT, "default": 3}),
        ("x = -3", {**INT, "default": -3}),
        ("x = 24 * 60 * 60", {**INT, "default": 86400}),
        ("x = 1e-3", {**FLOAT, "default": 0.001}),
        ("x = 1 / 4", {**FLOAT, "default": 0.25}),
        ("x = True", {"type": "boolean", "x-type": "bool", "default": True}),
        ("x = 'a' 'b'", {**STR, "default": "ab"}),
        ("x = date(2026, 1, 2)", {**DATE, "default": "2026-01-02"}),
        ("x = date.fromisoformat('2026-01-02')", {**DATE, "default": "2026-01-02"}),
        ("x = datetime(2026, 1, 2, hour=3)", {**DATETIME, "default": "2026-01-02T03:00:00"}),
        ("x = datetime(2026, 1, 2, tzinfo=timezone.utc)", {**DATETIME, "default": "2026-01-02T00:00:00+00:00"}),
        ("x = []", {"type": "array", "x-type": "list", "default": []}),
        ("x = ['a', 'b']", {"type": "array", "x-type": "list", "items": STR, "default": ["a", "b"]}),
        ("x = [1, 2.5]", {"type": "array", "x-type": "list", "items": FLOAT, "default": [1.0, 2.5]}),
        ("x = [1, 'a']", {"type": "array", "x-type": "list", "default": [1, "a"]}),
        ("x = [date(2026, 1, 2)]", {"type": "array", "x-type": "list", "items": DATE, "default": ["2026-01-02"]}),
        ("x = {'a': [1]}", {"type": "object", "x-type": "dict", "default": {"a": [1]}}),
        ("x = date.today()", {**DATE, "x-default": "date.today()"}),
        ("x = datetime.now()", {**DATETIME, "x-default": "datetime.now()"}),
        ("x = float('nan')", {**FLOAT, "x-default": "float('nan')"}),
    ],
)
def test_a_default_without_annotation_tells_the_type(source: str, expected: dict[str, Any]) -> None:
    assert only(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x: int", INT),
        ("x: float = 1", {**FLOAT, "default": 1.0}),
        ("x: 'int' = 1", {**INT, "default": 1}),
        ("x: date = date(2026, 1, 2)", {**DATE, "default": "2026-01-02"}),
        ("import datetime as dt\nx: dt.date = dt.date(2026, 1, 2)", {**DATE, "default": "2026-01-02"}),
        (
            "import datetime\nx: datetime.datetime = datetime.datetime(2026, 1, 2)",
            {**DATETIME, "default": "2026-01-02T00:00:00"},
        ),
        ("from datetime import date as d\nx: d", DATE),
        ("x: list", {"type": "array", "x-type": "list"}),
        ("x: list[int]", {"type": "array", "x-type": "list", "items": INT}),
        (
            "import typing as t\nx: t.List[t.Optional[int]]",
            {"type": "array", "x-type": "list", "items": {**INT, "type": ["integer", "null"]}},
        ),
        ("from collections.abc import Sequence\nx: Sequence[date]", {"type": "array", "x-type": "list", "items": DATE}),
        ("x: dict[str, float]", {"type": "object", "x-type": "dict", "additionalProperties": FLOAT}),
        ("x: Literal['a', 2, None] = 'a'", {"enum": ["a", 2, None], "x-type": "literal", "default": "a"}),
        ("x: Optional[str] = None", {**STR, "type": ["string", "null"], "default": None}),
        ("x: Union[date, None] = None", {**DATE, "type": ["string", "null"], "default": None}),
        ("x: int | None = 3", {**INT, "type": ["integer", "null"], "default": 3}),
        ("x: Literal['a'] | None", {"enum": ["a", None], "x-type": "literal"}),
        ("x: int | float = 1", {**FLOAT, "default": 1.0}),
        ("x: int = None", {**INT, "type": ["integer", "null"], "default": None}),
        ("from typing import Any\nx: Any = 3", {**JSON, "default": 3}),
        ("x: date = date.today()", {**DATE, "x-default": "date.today()"}),
        ("x: str = os.environ['USER']", {**STR, "x-default": "os.environ['USER']"}),
        ("x = 3  # type: float", {**FLOAT, "default": 3.0}),
        (
            "x = 3  # type: Optional[int] how many",
            {**INT, "type": ["integer", "null"], "default": 3, "description": "how many"},
        ),
    ],
)
def test_annotations(source: str, expected: dict[str, Any]) -> None:
    assert only(source) == expected


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        ("Annotated[int, Ge(1), Le(9)]", {**INT, "minimum": 1, "maximum": 9}),
        ("Annotated[float, Gt(0), Lt(lt=1)]", {**FLOAT, "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
        (
            "Annotated[int, Interval(ge=0, lt=10), MultipleOf(5)]",
            {**INT, "minimum": 0, "exclusiveMaximum": 10, "multipleOf": 5},
        ),
        ("Annotated[int, Field(ge=-1, description='help')]", {**INT, "minimum": -1, "description": "help"}),
        (
            "Annotated[int, {'ge': 2, 'title': 'Days'}, 'help']",
            {**INT, "minimum": 2, "title": "Days", "description": "help"},
        ),
        ("Annotated[str, MinLen(1), MaxLen(5)]", {**STR, "minLength": 1, "maxLength": 5}),
        (
            "Annotated[list[int], Len(1, 3)]",
            {"type": "array", "x-type": "list", "items": INT, "minItems": 1, "maxItems": 3},
        ),
        ("Annotated[dict, MaxLen(3)]", {"type": "object", "x-type": "dict", "maxProperties": 3}),
        (
            "Annotated[date, Ge(date(2026, 1, 1)), Lt(date(2027, 1, 1))]",
            {**DATE, "formatMinimum": "2026-01-01", "formatExclusiveMaximum": "2027-01-01"},
        ),
        (
            "Annotated[datetime, Gt(datetime(2026, 1, 1))]",
            {**DATETIME, "formatExclusiveMinimum": "2026-01-01T00:00:00"},
        ),
        ("Annotated[int, Ge(0)] | None", {**INT, "type": ["integer", "null"], "minimum": 0}),
        ("Optional[Annotated[int, Ge(0)]]", {**INT, "type": ["integer", "null"], "minimum": 0}),
        ("list[Annotated[int, Ge(0)]]", {"type": "array", "x-type": "list", "items": {**INT, "minimum": 0}}),
    ],
)
def test_bounds(annotation: str, expected: dict[str, Any]) -> None:
    assert only(f"x: {annotation}") == expected


@pytest.mark.parametrize(
    ("annotation", "why"),
    [
        ("Annotated[int, Ge('a')]", "`x`: the bound `ge='a'` is left out: it does not fit the type int"),
        ("Annotated[int, Ge(True)]", "`x`: the bound `ge=True` is left out: it does not fit the type int"),
        ("Annotated[int, MinLen(1)]", "`x`: the bound `min_length` is left out: it is not known for the type int"),
        ("Annotated[int, Ge(LIMIT)]", "`x`: the bound `ge=LIMIT` is left out: it is computed when the notebook runs"),
        ("Annotated[int, Even()]", "`x`: `Even()` is not known as a bound and is left out"),
        ("Annotated[int, even]", "`x`: `even` is not known as a bound and is left out"),
        ("Annotated[int, Field(lambda: 3)]", "`x`: `Field(lambda: 3)` is not known as a bound and is left out"),
        ("Annotated[int, MultipleOf(0)]", "`x`: the bound `multiple_of=0` is left out: it does not fit the type int"),
    ],
)
def test_bounds_that_are_not_understood_are_noted_and_left_out(annotation: str, why: str) -> None:
    assert noted(f"\nx: {annotation}") == ({"x": INT}, [(2, why)])


def test_patterns_are_left_out_because_they_can_be_slow() -> None:
    assert noted("x: Annotated[str, Field(pattern='(a+)+$', max_length=9)]") == (
        {"x": {**STR, "maxLength": 9}},
        [(1, "`x`: the bound `pattern` is left out: it is not known for the type str")],
    )


class TestEnums:
    REGION = "from enum import Enum\nclass Region(Enum):\n    NORTH = 'north'\n    SOUTH = 'south'\n"
    SCHEMA: ClassVar[dict[str, Any]] = {
        "enum": ["NORTH", "SOUTH"],
        "x-type": "enum",
        "x-enum": {"NORTH": "Region.NORTH", "SOUTH": "Region.SOUTH"},
        "x-enum-values": {"NORTH": "north", "SOUTH": "south"},
    }

    def test_a_class_in_the_cell(self) -> None:
        assert only(self.REGION + "x: Region = Region.NORTH") == {**self.SCHEMA, "default": "NORTH"}

    def test_a_class_in_an_earlier_cell(self) -> None:
        assert only("x: Region", self.REGION) == self.SCHEMA

    def test_a_default_tells_the_class(self) -> None:
        assert only(self.REGION + "x = Region.SOUTH") == {**self.SCHEMA, "default": "SOUTH"}

    def test_an_optional_one(self) -> None:
        assert only(self.REGION + "x: Region | None = None") == {
            **self.SCHEMA,
            "enum": ["NORTH", "SOUTH", None],
            "default": None,
        }

    def test_some_of_its_members(self) -> None:
        assert only(self.REGION + "x: Literal[Region.SOUTH]") == {
            "enum": ["SOUTH"],
            "x-type": "enum",
            "x-enum": {"SOUTH": "Region.SOUTH"},
            "x-enum-values": {"SOUTH": "south"},
        }

    def test_values_that_the_text_does_not_tell(self) -> None:
        size = "import enum\nclass Size(str, enum.Enum):\n    S = enum.auto()\n    _hidden = 1\n    def f(self): ...\n"
        assert only(size + "x: Size") == {
            "enum": ["S"],
            "x-type": "enum",
            "x-enum": {"S": "Size.S"},
            "x-enum-values": {},
        }

    def test_a_class_that_is_no_enum_is_not_one(self) -> None:
        assert noted("class Region:\n    NORTH = 1\nx: Region")[0] == {"x": JSON}

    def test_a_default_that_is_no_member_is_noted(self) -> None:
        found, notes = noted(self.REGION + "x: Region = Region.WEST")
        assert found == {"x": {**self.SCHEMA, "x-default": "Region.WEST"}}
        assert notes == []


@pytest.mark.parametrize("where", ["earlier", "same"])
def test_type_aliases_are_followed_and_are_no_parameters(where: str) -> None:
    aliases = "Percent = Annotated[int, Ge(0), Le(100)]\nDay = date\nMaybe = str | None\nKind: TypeAlias = 'int'\n"
    if where == "earlier":
        aliases = aliases.replace("Kind: TypeAlias = 'int'\n", "Kind = int\n")
    use = "p: Percent = 5\nd: Day\nm: Maybe = None\nk: Kind"
    assert properties(*((use, aliases) if where == "earlier" else (aliases + use,))) == {
        "p": {**INT, "minimum": 0, "maximum": 100, "default": 5},
        "d": DATE,
        "m": {**STR, "type": ["string", "null"], "default": None},
        "k": INT,
    }


def test_an_alias_of_itself_ends() -> None:
    found, notes = noted("Tree = list[Tree]\nx: Tree")
    assert found == {"x": {"type": "array", "x-type": "list", "items": JSON}}
    assert notes == [(2, "`x`: the type `Tree` is not known, so any JSON value is accepted")]


@pytest.mark.parametrize(
    ("source", "expected", "notes"),
    [
        (
            "\n\ndf: pd.DataFrame = None",
            {**JSON, "default": None},
            [(3, "`df`: the type `pd.DataFrame` is not known, so any JSON value is accepted")],
        ),
        (
            "x = None",
            {**JSON, "default": None},
            [
                (
                    1,
                    "`x`: its default None tells no type, so any JSON value is accepted; "
                    "annotate it: `name: str | None`",
                )
            ],
        ),
        (
            "path = Path('data')",
            {**JSON, "x-default": "Path('data')"},
            [
                (
                    1,
                    "`path`: its default `Path('data')` tells no type (it is computed when the notebook runs), "
                    "so any JSON value is accepted",
                )
            ],
        ),
        (
            "x: int | str = 3",
            {**JSON, "default": 3},
            [(1, "`x`: `int | str` has several types, so any JSON value is accepted")],
        ),
        (
            "x: tuple[int, int] = (1, 2)",
            {**JSON, "x-default": "(1, 2)"},
            [(1, "`x`: the type `tuple[int, int]` is not known, so any JSON value is accepted")],
        ),
        (
            "x = {1: 2}",
            {**JSON, "x-default": "{1: 2}"},
            [
                (
                    1,
                    "`x`: its default `{1: 2}` tells no type (JSON has only text as keys), "
                    "so any JSON value is accepted",
                )
            ],
        ),
        (
            "x: int = 'a'",
            {**INT, "x-default": "'a'"},
            [(1, "`x`: its default `'a'` does not fit its type: it must be a whole number, got \"a\"")],
        ),
        (
            "x: Annotated[int, Ge(5)] = 1",
            {**INT, "minimum": 5, "x-default": "1"},
            [(1, "`x`: its default `1` does not fit its type: it must be at least 5, got 1")],
        ),
        (
            "x = 10 ** 10 ** 10",
            {**JSON, "x-default": "10 ** 10 ** 10"},
            [
                (
                    1,
                    "`x`: its default `10 ** 10 ** 10` tells no type (it is computed when the notebook runs), "
                    "so any JSON value is accepted",
                )
            ],
        ),
        (
            "x: Literal[f()] = 1",
            {**JSON, "default": 1},
            [(1, "`x`: the type `Literal[f()]` is not known, so any JSON value is accepted")],
        ),
    ],
)
def test_what_is_not_understood_is_noted_and_stays_usable(
    source: str, expected: dict[str, Any], notes: list[tuple[int, str]]
) -> None:
    found, given_notes = noted(source)
    assert list(found.values()) == [expected]
    assert given_notes == notes


class TestCell:
    def test_statements_that_declare_nothing(self) -> None:
        source = '"""Settings."""\nimport os\nprint("x")\n_private = 3\ndef f(): ...\nx = 1'
        assert properties(source) == {"x": {**INT, "default": 1}}

    def test_statements_that_might_be_meant_as_parameters_are_noted_by_their_line(self) -> None:
        found, notes = noted("a = 1\nif a:\n    b = 2\na += 1\nc, *d = range(3)\ne.f = 3")
        assert list(found) == ["a"]
        assert notes == [
            (2, "`if a:` declares no parameter: write each one as `name = value`"),
            (4, "`a += 1` declares no parameter: write each one as `name = value`"),
            (5, "`c, *d = range(3)` declares no parameter: write each one as `name = value`"),
            (6, "`e.f = 3` declares no parameter: write each one as `name = value`"),
        ]

    def test_several_names_at_once(self) -> None:
        assert properties("a = b = 1\nc, d = 2, 'x'") == {
            "a": {**INT, "default": 1},
            "b": {**INT, "default": 1},
            "c": {**INT, "default": 2},
            "d": {**STR, "default": "x"},
        }

    def test_a_later_assignment_keeps_the_annotation(self) -> None:
        assert properties("x: float  # share\nx = 1") == {"x": {**FLOAT, "default": 1.0, "description": "share"}}
        assert read("x: float\nx = 1").json_schema["required"] == []

    def test_help_comes_from_trailing_comments_only(self) -> None:
        source = (
            "# All\nx = 1  # first: the # of days  # noqa: E501\ny = [\n    1,  # one\n]  # a list\nz = '# no'\n# end"
        )
        assert [found.get("description") for found in properties(source).values()] == [
            "first: the # of days",
            "a list",
            None,
        ]

    def test_tool_comments_are_no_help(self) -> None:
        source = "a = 1  # noqa\nb = 2  # type: ignore[assignment]\nc = 3  # pragma: no cover"
        assert all("description" not in found for found in properties(source).values())

    def test_a_comment_that_talks_about_types_is_help(self) -> None:
        assert only("x = 'csv'  # type: csv or parquet")["description"] == "type: csv or parquet"

    def test_commands_of_ipython_are_passed_over(self) -> None:
        assert properties("%load_ext autoreload\n!pip list\nx = 1  # days\nlen?") == {
            "x": {**INT, "default": 1, "description": "days"}
        }

    def test_percent_signs_in_text_are_no_commands(self) -> None:
        assert only("x = '''\n%a\n'''") == {**STR, "default": "\n%a\n"}

    def test_source_as_lines_and_windows_line_ends(self) -> None:
        schema = schema_from_notebook(notebook(["x = 1  # one\r\n", "y = 2  # two"]))
        assert [found["description"] for found in schema.json_schema["properties"].values()] == ["one", "two"]

    def test_earlier_cells_that_are_not_python_do_not_matter(self) -> None:
        assert only("x: d", "%%bash\nls", "this is (not python", "from datetime import date as d") == DATE


class TestNotebook:
    def test_no_tagged_cell_means_no_parameters(self) -> None:
        schema = schema_from_notebook({"cells": [{"cell_type": "code", "metadata": {}, "source": "x = 1"}]})
        assert schema.json_schema["properties"] == {}
        assert schema.json_schema["additionalProperties"] is False
        assert schema.notes == ()

    def test_only_code_cells_count(self) -> None:
        cell = {"cell_type": "markdown", "metadata": {"tags": ["parameters"]}, "source": "x = 1"}
        assert schema_from_notebook({"cells": [cell]}).json_schema["properties"] == {}

    def test_the_first_of_several_tagged_cells_counts(self) -> None:
        nb = notebook("x = 1")
        nb["cells"].append({**nb["cells"][0], "source": "y = 1"})
        schema = schema_from_notebook(nb)
        assert list(schema.json_schema["properties"]) == ["x"]
        assert [note.message for note in schema.notes] == [
            "2 cells are tagged `parameters`, and the first is the one that counts"
        ]

    @pytest.mark.parametrize(
        ("source", "line", "message"),
        [
            ("x = 1\ny = (2", 2, "this can't be read as Python: '(' was never closed"),
            ("%%bash\nls", 1, "`%%bash` makes this a cell of IPython's, not of Python"),
            ("x = 1\0", 1, None),
            ("x = '\ud800'", 1, None),
            ("x = " + "-" * 50_000 + "1", 1, None),
            ("x = " + "[" * 150 + "]" * 150, 1, None),
            ("x = 1\n" * 20_000, 1, "the cell has 120,000 characters, and at most 100,000 are read"),
        ],
    )
    def test_a_cell_that_cannot_be_read_takes_anything_and_says_why(
        self, source: str, line: int, message: str | None
    ) -> None:
        schema = schema_from_notebook(notebook(source))
        if message is not None:
            assert "additionalProperties" not in schema.json_schema
            assert [(note.line, note.message) for note in schema.notes] == [(line, message)]

    def test_another_language_takes_anything(self) -> None:
        schema = schema_from_notebook(notebook("x <- 1", language="R"))
        assert schema.json_schema["properties"] == {}
        assert "additionalProperties" not in schema.json_schema
        assert [(note.line, note.message) for note in schema.notes] == [
            (1, "the language of this notebook is r: its parameters are not read, any are accepted")
        ]

    @pytest.mark.parametrize("nb", [{}, {"cells": None}, {"cells": ["x"]}, {"worksheets": []}])
    def test_what_is_no_notebook_is_refused(self, nb: dict[str, Any]) -> None:
        with pytest.raises(NoteyardError) as caught:
            schema_from_notebook(nb)
        assert caught.value.message == "This file is not a notebook in format 4: it has no list of cells."
        assert caught.value.hint == "Open it in JupyterLab and save it, which brings it to the present format."


PIECES = st.sampled_from(
    [
        *"xyz=:[](){},.|-*'\"#\\\n\t %!12",
        *("x: ", " = ", "x = y", "    ", "class ", "import ", "from datetime import ", "lambda: ", "async "),
        *("int", "None", "True", "date", "Enum", "Literal", "Annotated", "Ge", "list[", "Optional[", "2.5"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=25).map("".join)))
def test_any_text_in_the_cell_gives_a_valid_schema(source: str) -> None:
    schema = schema_from_notebook(notebook(source))
    Draft202012Validator.check_schema(schema.json_schema)
    lines = source.count("\n") + source.count("\r") + 1
    assert all(1 <= note.line <= max(lines, 1) + 1 for note in schema.notes)
