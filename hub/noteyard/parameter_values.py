"""The one place where parameter values are checked, for API, command line, schedules and dashboard URLs."""

import copy
import math
from collections.abc import Mapping
from typing import Any

from noteyard.errors import FieldError, InvalidParameters
from noteyard.parameter_formats import PARSERS, errors_of
from noteyard.parameter_messages import field_of, message_of, unknown_name

DEEPEST = 50
LARGEST_NUMBER = 10**300


def validate(schema: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values in the order of the schema (a `ParameterSchema.json_schema`), defaults filled in, in one form: an int
    where an int is declared (`3.0` becomes 3), a float where a float is, datetimes as Python writes ISO 8601.

    A parameter whose default the notebook computes (`x-default`) stays out when it is not given. Raises
    InvalidParameters with everything that is wrong: unknown names, missing values, wrong types, values out of bounds.
    """
    filled, errors = find_problems(schema, values)
    if errors:
        raise InvalidParameters(errors)
    return filled


def find_problems(schema: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[dict[str, Any], list[FieldError]]:
    """The same without raising: the values that are good, and what is wrong with the others."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    is_open = takes_any_name(schema)
    filled: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name in values:
        if name not in properties and not is_open:
            errors.append(FieldError(name, unknown_name(name, list(properties))))
        elif name not in properties and not is_name(name):
            errors.append(FieldError(name, "is no name that a variable can have"))
    for name in [*properties, *(name for name in values if is_open and name not in properties and is_name(name))]:
        property_schema = properties.get(name, {})
        if name in values:
            value, found = check_value(name, property_schema, values[name])
            errors += found
            if not found:
                filled[name] = value
        elif "default" in property_schema:
            filled[name] = copy.deepcopy(property_schema["default"])
        elif name in schema.get("required", ()):
            errors.append(FieldError(name, "needs a value"))
    return filled, errors


def takes_any_name(schema: Mapping[str, Any]) -> bool:
    """Whether the notebook's parameters could not be read, so that it takes any."""
    return schema.get("additionalProperties", True) is not False


def is_name(name: str) -> bool:
    """Whether a variable of a notebook can be called so; in languages other than Python it may have dots in it.

    A parameter's name becomes a part of the code that sets it.
    """
    return all(part.isidentifier() for part in name.split("."))


def known_values(schema: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values whose names the schema has, all of them where it takes any name."""
    properties, is_open = schema.get("properties", {}), takes_any_name(schema)
    return {name: value for name, value in values.items() if is_open or name in properties}


def check_value(name: str, property_schema: Mapping[str, Any], value: Any) -> tuple[Any, list[FieldError]]:
    """One value in its one form, and what is wrong with it."""
    trouble = unstorable(value)
    if trouble is not None:
        return value, [FieldError(name, trouble)]
    errors = [FieldError(field_of(name, error), message_of(error)) for error in errors_of(property_schema, value)]
    return (value, errors) if errors else (_normal(property_schema, value), [])


def _normal(schema: Mapping[str, Any], value: Any) -> Any:
    kind = schema.get("x-type")
    if isinstance(value, list):
        return [_normal(schema.get("items", {}), item) for item in value]
    if isinstance(value, dict):
        return {key: _normal(schema.get("additionalProperties", {}), item) for key, item in value.items()}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"int": int, "float": float}.get(str(kind), lambda number: number)(value)
    if isinstance(value, str) and kind == "datetime":
        return PARSERS["date-time"](value).isoformat()
    return value


def unstorable(value: Any) -> str | None:
    """Why a value can be kept neither as JSON nor in a database, None when it can."""
    waiting = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        if depth > DEEPEST:
            return f"is nested more than {DEEPEST} levels deep"
        if isinstance(item, dict):
            waiting += [(part, depth + 1) for pair in item.items() for part in pair]
        elif isinstance(item, list):
            waiting += [(part, depth + 1) for part in item]
        elif isinstance(item, str):
            if "\0" in item or any("\ud800" <= character <= "\udfff" for character in item):
                return "holds characters that can't be stored (NUL, or half of a surrogate pair)"
        elif isinstance(item, int | float):
            if not (math.isfinite(item) if isinstance(item, float) else abs(item) <= LARGEST_NUMBER):
                return "must be a finite number below 1e300"
        elif item is not None:
            return f"must be a JSON value, got a {type(item).__name__}"
    return None
