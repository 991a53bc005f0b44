"""Parameter values as a notebook gets them: of the types it declares, where JSON has only text and numbers.

A release's JSON Schema says in `x-type` what each parameter is; `x-enum` gives the expression for each enum member.
With `day: date` the JSON value "2026-11-03" becomes `day = _datetime.date(2026, 11, 3)` in the injected cell.
"""

from __future__ import annotations

import datetime as dt
import keyword
import math
from collections.abc import Mapping
from dataclasses import dataclass

IMPORT = "import datetime as _datetime"


class MisfitError(ValueError):
    """A parameter's value does not fit its declared type; the text is for people."""


@dataclass(frozen=True)
class Expression:
    """A Python expression, and the JSON value it stands for."""

    source: str
    json: object

    def __str__(self) -> str:
        return self.source


def typed_parameters(parameters: Mapping[str, object], schema: Mapping[str, object]) -> dict[str, Expression]:
    """Each parameter's value as the expression that the declared type asks for.

    `schema` is a release's parameter schema; a parameter it does not know is taken as the JSON value it is.
    Raises MisfitError, naming the parameter, for a value that does not fit its type, and for a name that Python can't
    assign to: it becomes a part of the code.
    """
    properties = schema.get("properties")
    known = properties if isinstance(properties, Mapping) else {}
    typed = {}
    for name, value in parameters.items():
        if not name.isidentifier() or keyword.iskeyword(name):
            raise MisfitError(f"{name!r} can't be a parameter: it is no name that a variable of Python can have.")
        declared = known.get(name)
        try:
            source = python_source(value, declared if isinstance(declared, Mapping) else {})
        except (ValueError, TypeError, KeyError) as error:
            raise MisfitError(f"The parameter {name} can't be {value!r}: {error}") from error
        typed[name] = Expression(source, value)
    return typed


def injected_source(parameters: Mapping[str, object], schema: Mapping[str, object], comment: str) -> str:
    """The source of the cell that gives a Python notebook its parameters: one assignment a line below a comment."""
    typed = typed_parameters(parameters, schema)
    return codify(typed, comment)


def codify(typed: Mapping[str, Expression], comment: str) -> str:
    """One assignment a line below a comment, with the import that dates need."""
    lines = [f"# {comment}"]
    if any("_datetime." in value.source for value in typed.values()):
        lines.append(IMPORT)
    lines += [f"{name} = {value.source}" for name, value in typed.items()]
    return "\n".join(lines) + "\n"


def python_source(value: object, schema: Mapping[str, object]) -> str:
    """The Python expression for a JSON value of a parameter's schema, e.g. `_datetime.date(2026, 11, 3)`."""
    if value is None:
        return "None"
    kind = schema.get("x-type")
    if kind == "date":
        return _qualified(dt.date.fromisoformat(str(value)))
    if kind == "datetime":
        return _qualified(dt.datetime.fromisoformat(str(value)))
    if kind == "enum":
        return str(_mapping(schema, "x-enum")[str(value)])
    if kind == "float" and isinstance(value, int | float):
        return _plain(float(value))
    if kind == "int" and isinstance(value, float):
        return _plain(int(value))
    if isinstance(value, list):
        return "[" + ", ".join(python_source(item, _mapping(schema, "items")) for item in value) + "]"
    if isinstance(value, Mapping):
        inner = _mapping(schema, "additionalProperties")
        return "{" + ", ".join(f"{key!r}: {python_source(item, inner)}" for key, item in value.items()) + "}"
    return _plain(value)


def _mapping(schema: Mapping[str, object], key: str) -> Mapping[str, object]:
    inner = schema.get(key)
    return inner if isinstance(inner, Mapping) else {}


def _qualified(moment: dt.date) -> str:
    return repr(moment).replace("datetime.", "_datetime.")


def _plain(value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)
