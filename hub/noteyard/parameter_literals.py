"""Values written in a parameters cell, read without running it, and what they are as JSON."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from noteyard.parameter_names import Scope

ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}
LARGEST_EXPONENT = 64
LARGEST_NUMBER = 10**300


class NotLiteral(Exception):
    """The expression has no value that can be read from the text alone, or none that JSON has; the text says why."""


@dataclass(frozen=True)
class EnumMember:
    """A member of an enum class of the notebook."""

    enum: str
    member: str


def evaluate(node: ast.expr, scope: Scope) -> object:
    """The Python value of a literal: numbers and their arithmetic, text, True, False, None, lists, dicts,
    `date(…)`, `datetime(…)`, `date.fromisoformat(…)` and members of the notebook's enums. Raises NotLiteral."""
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return value
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=operand):
            number = _number(evaluate(operand, scope))
            return -number if isinstance(sign, ast.USub) else number
        case ast.BinOp(left=left, op=op, right=right):
            return _arithmetic(op, _number(evaluate(left, scope)), _number(evaluate(right, scope)))
        case ast.List(elts=items):
            return [evaluate(item, scope) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {_key(key, scope): evaluate(value, scope) for key, value in zip(keys, values, strict=True)}
        case ast.Call():
            return _call(node, scope)
        case ast.Attribute() | ast.Name():
            return _named(node, scope)
        case ast.Tuple() | ast.Set():
            raise NotLiteral("JSON has lists only, no tuples or sets")
        case _:
            raise NotLiteral("it is computed when the notebook runs")


def _number(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise NotLiteral("it is computed when the notebook runs")
    return value


def _arithmetic(op: ast.operator, left: int | float, right: int | float) -> int | float:
    function = ARITHMETIC.get(type(op))
    if function is None or (isinstance(op, ast.Pow) and abs(right) > LARGEST_EXPONENT):
        raise NotLiteral("it is computed when the notebook runs")
    try:
        result = function(left, right)
        if isinstance(result, complex) or abs(result) > LARGEST_NUMBER:
            raise NotLiteral("its result is no number that JSON has")
    except ArithmeticError as error:
        raise NotLiteral(f"it can't be computed ({error})") from error
    return _number(result)


def _key(node: ast.expr | None, scope: Scope) -> str:
    key = None if node is None else evaluate(node, scope)
    if not isinstance(key, str):
        raise NotLiteral("JSON has only text as keys")
    return key


def _call(node: ast.Call, scope: Scope) -> object:
    name = scope.qualified(node.func)
    builders: Mapping[str | None, Callable[..., object]] = {
        "datetime.date": date,
        "datetime.date.fromisoformat": date.fromisoformat,
        "datetime.datetime": datetime,
        "datetime.datetime.fromisoformat": datetime.fromisoformat,
    }
    if name not in builders or any(keyword.arg is None for keyword in node.keywords):
        raise NotLiteral("it is computed when the notebook runs")
    arguments = [evaluate(argument, scope) for argument in node.args]
    keywords = {str(keyword.arg): evaluate(keyword.value, scope) for keyword in node.keywords}
    try:
        return builders[name](*arguments, **keywords)
    except (TypeError, ValueError, OverflowError) as error:
        raise NotLiteral(f"it can't be computed ({error})") from error


def _named(node: ast.expr, scope: Scope) -> object:
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in scope.enums:
        enum = scope.enums[node.value.id]
        if node.attr in enum.members:
            return EnumMember(enum.name, node.attr)
        raise NotLiteral(f"{enum.name} has no member {node.attr}")
    if scope.qualified(node) in ("datetime.timezone.utc", "datetime.UTC"):
        return UTC
    raise NotLiteral("it is computed when the notebook runs")


def to_json(value: object) -> Any:
    """The JSON value for what `evaluate` gave: dates as ISO 8601 text, enum members by name. Raises NotLiteral."""
    match value:
        case bool() | None:
            return value
        case int() | float():
            if not math.isfinite(value) if isinstance(value, float) else abs(value) > LARGEST_NUMBER:
                raise NotLiteral("JSON has no such number")
            return value
        case str():
            if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
                raise NotLiteral("it holds characters that can't be stored")
            return value
        case date():  # datetime is a subclass
            return value.isoformat()
        case EnumMember(member=member):
            return member
        case list():
            return [to_json(item) for item in value]
        case dict():
            return {to_json(key): to_json(item) for key, item in value.items()}
        case _:
            raise NotLiteral("JSON has no such value")
