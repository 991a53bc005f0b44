"""Bounds and help in the metadata of an `Annotated` type, as JSON Schema keywords.

Understood by name, whatever library they come from: `Ge`, `Gt`, `Le`, `Lt`, `Interval`, `MultipleOf`, `MinLen`,
`MaxLen`, `Len` (annotated_types), `Field` (pydantic), `Meta` (msgspec), a dict of the same keys, and text or `Doc("…")`
as help. Regular expressions are not taken over: a slow one would hold up the service for everybody.
"""

import ast
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from noteyard.parameter_literals import NotLiteral, evaluate
from noteyard.parameter_names import Scope

Note = Callable[[str], None]

POSITIONAL: Mapping[str, tuple[str, ...]] = {
    "Ge": ("ge",),
    "Gt": ("gt",),
    "Le": ("le",),
    "Lt": ("lt",),
    "MultipleOf": ("multiple_of",),
    "MinLen": ("min_length",),
    "MaxLen": ("max_length",),
    "Len": ("min_length", "max_length"),
    "Doc": ("description",),
    "Interval": (),
    "Field": (),
    "Meta": (),
}
NUMBER_KEYWORDS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}
DATE_KEYWORDS = {
    "ge": "formatMinimum",
    "gt": "formatExclusiveMinimum",
    "le": "formatMaximum",
    "lt": "formatExclusiveMaximum",
}
KEYWORDS: Mapping[str, Mapping[str, str]] = {
    "int": NUMBER_KEYWORDS,
    "float": NUMBER_KEYWORDS,
    "date": DATE_KEYWORDS,
    "datetime": DATE_KEYWORDS,
    "str": {"min_length": "minLength", "max_length": "maxLength"},
    "list": {"min_length": "minItems", "max_length": "maxItems"},
    "dict": {"min_length": "minProperties", "max_length": "maxProperties"},
}
TEXTS = frozenset({"title", "description"})


def apply_metadata(property_schema: dict[str, Any], nodes: list[ast.expr], scope: Scope, note: Note) -> None:
    """Add what the metadata says to `property_schema`; what is not understood or does not fit the type is noted."""
    for node in nodes:
        for key, value in _named_values(node, scope, note):
            _apply(property_schema, key, value, note)


def _named_values(node: ast.expr, scope: Scope, note: Note) -> list[tuple[str, object]]:
    found: list[tuple[str, ast.expr]] = []
    match node:
        case ast.Constant(value=str() as text):
            return [("description", text)]
        case ast.Dict(keys=keys, values=values):
            found = [(str(getattr(key, "value", key)), value) for key, value in zip(keys, values, strict=True)]
        case ast.Call(func=function, args=arguments, keywords=keywords):
            name = (scope.qualified(function) or "").rpartition(".")[2]
            if name not in POSITIONAL or len(arguments) > len(POSITIONAL[name]):
                note(f"`{ast.unparse(node)}` is not known as a bound and is left out")
                return []
            found = list(zip(POSITIONAL[name], arguments, strict=False))
            found += [(str(keyword.arg), keyword.value) for keyword in keywords]
        case _:
            note(f"`{ast.unparse(node)}` is not known as a bound and is left out")
            return []
    values_read: list[tuple[str, object]] = []
    for key, expression in found:
        try:
            values_read.append((key, evaluate(expression, scope)))
        except NotLiteral as error:
            note(f"the bound `{key}={ast.unparse(expression)}` is left out: {error}")
    return values_read


def _apply(property_schema: dict[str, Any], key: str, value: object, note: Note) -> None:
    if key in TEXTS:
        if isinstance(value, str) and value.strip():
            property_schema[key] = value.strip()
        return
    if value is None:
        return
    kind = str(property_schema.get("x-type"))
    keyword = KEYWORDS.get(kind, {}).get(key)
    if keyword is None:
        note(f"the bound `{key}` is left out: it is not known for the type {kind}")
    elif not _fits(keyword, kind, value):
        note(f"the bound `{key}={value!r}` is left out: it does not fit the type {kind}")
    else:
        property_schema[keyword] = value.isoformat() if isinstance(value, date) else value


def _fits(keyword: str, kind: str, value: object) -> bool:
    if kind == "datetime":
        return isinstance(value, datetime)
    if kind == "date":
        return isinstance(value, date) and not isinstance(value, datetime)
    if isinstance(value, bool):
        return False
    if keyword == "multipleOf":
        return isinstance(value, int | float) and value > 0
    if kind in ("int", "float"):
        return isinstance(value, int | float)
    return isinstance(value, int) and value >= 0
