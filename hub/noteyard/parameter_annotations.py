"""From a type annotation, or a default without one, to the JSON Schema of one parameter.

Every schema carries `x-type`, from which the user side rebuilds typed values: int, float, bool, str, date, datetime,
list (its `items` have their own), dict, literal (choices that are JSON values), enum, or json (taken as it is). An
enum's choices are its member names; `x-enum` maps each to the expression that is the member in the notebook
(`{"NORTH": "Region.NORTH"}`), `x-enum-values` to its value where the text of the notebook tells it. Null is always
None.
"""

import ast
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from noteyard.parameter_bounds import apply_metadata
from noteyard.parameter_literals import EnumMember, NotLiteral, evaluate, to_json
from noteyard.parameter_names import EnumClass, Scope

PropertySchema = dict[str, Any]

SIMPLE: Mapping[str, PropertySchema] = {
    "int": {"type": "integer", "x-type": "int"},
    "float": {"type": "number", "x-type": "float"},
    "bool": {"type": "boolean", "x-type": "bool"},
    "str": {"type": "string", "x-type": "str"},
    "datetime.date": {"type": "string", "format": "date", "x-type": "date"},
    "datetime.datetime": {"type": "string", "format": "date-time", "x-type": "datetime"},
    "list": {"type": "array", "x-type": "list"},
    "dict": {"type": "object", "x-type": "dict"},
    "typing.List": {"type": "array", "x-type": "list"},
    "typing.Sequence": {"type": "array", "x-type": "list"},
    "typing.Dict": {"type": "object", "x-type": "dict"},
    "typing.Mapping": {"type": "object", "x-type": "dict"},
    "typing.Any": {"x-type": "json"},
    "object": {"x-type": "json"},
}
LONGEST_QUOTE = 80
FORMS = frozenset({"typing.Literal", "typing.Optional", "typing.Union", "typing.Annotated"})
COMPUTED_TYPES: Mapping[str, str] = {
    "datetime.date.today": "datetime.date",
    "datetime.datetime.now": "datetime.datetime",
    "datetime.datetime.utcnow": "datetime.datetime",
    "datetime.datetime.today": "datetime.datetime",
    "int": "int",
    "float": "float",
    "str": "str",
    "bool": "bool",
}


def shortened(text: str) -> str:
    """Code in a message, cut when it is long."""
    return text if len(text) <= LONGEST_QUOTE else text[: LONGEST_QUOTE - 1] + "…"


def unknown() -> PropertySchema:
    """The schema of a value that may be any JSON."""
    return {"x-type": "json"}


def simple(name: str) -> PropertySchema:
    """A fresh schema of a type in SIMPLE."""
    return dict(SIMPLE[name])


def nullable(schema: PropertySchema) -> PropertySchema:
    """The same, null allowed too."""
    schema = dict(schema)
    if "enum" in schema and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    elif "type" in schema and "null" not in schema["type"]:
        schema["type"] = [schema["type"], "null"]
    return schema


def enum_schema(enum: EnumClass, scope: Scope, members: list[str] | None = None) -> PropertySchema:
    """The schema of an enum class of the notebook, of all or some of its members."""
    chosen = list(enum.members) if members is None else members
    values: dict[str, Any] = {}
    for name in chosen:
        try:
            values[name] = to_json(evaluate(enum.members[name], scope))
        except NotLiteral:
            continue  # `auto()` and the like: the name alone tells the member
    return {
        "enum": chosen,
        "x-type": "enum",
        "x-enum": {name: f"{enum.name}.{name}" for name in chosen},
        "x-enum-values": values,
    }


class AnnotationReader:
    """Reads annotations with the names of `scope`; what it does not understand goes to `note` and becomes any JSON."""

    def __init__(self, scope: Scope, note: Callable[[str], None]) -> None:
        self.scope = scope
        self.note = note
        self._reading: set[str] = set()  # aliases being followed: one that names itself is not understood

    def read(self, node: ast.expr) -> PropertySchema:
        """The schema of the annotation `node`."""
        match node:
            case ast.Constant(value=str() as text):
                return self._text(text)
            case ast.BinOp(op=ast.BitOr()):
                return self._union(_alternatives(node))
            case ast.Subscript(value=base, slice=arguments):
                items = list(arguments.elts) if isinstance(arguments, ast.Tuple) else [arguments]
                return self._subscript(node, self.scope.qualified(base), items)
            case ast.Name(id=name) if name in self.scope.aliases and name not in self._reading:
                self._reading.add(name)
                schema = self.read(self.scope.aliases[name])
                self._reading.discard(name)
                return schema
            case _:
                return self._name(node)

    def is_type(self, node: ast.expr) -> bool:
        """Whether an assigned value is a type, which makes the name an alias and no parameter."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return all(self.is_type(side) or _is_none(side) for side in (node.left, node.right))
        if isinstance(node, ast.Subscript):
            return self.scope.qualified(node.value) in FORMS | SIMPLE.keys()
        name = self.scope.qualified(node)
        return name in SIMPLE or name in self.scope.enums or name in self.scope.aliases

    def _text(self, text: str) -> PropertySchema:
        try:
            return self.read(ast.parse(text.strip(), mode="eval").body)
        except SyntaxError:
            return self._unknown(text)

    def _name(self, node: ast.expr) -> PropertySchema:
        name = self.scope.qualified(node) or ""
        if name in self.scope.enums and self.scope.enums[name].members:
            return enum_schema(self.scope.enums[name], self.scope)
        return simple(name) if name in SIMPLE else self._unknown(ast.unparse(node))

    def _unknown(self, text: str) -> PropertySchema:
        self.note(f"the type `{shortened(text)}` is not known, so any JSON value is accepted")
        return unknown()

    def _subscript(self, node: ast.Subscript, base: str | None, items: list[ast.expr]) -> PropertySchema:
        if base == "typing.Literal":
            return self._literal(node, items)
        if base == "typing.Optional":
            return nullable(self.read(items[0]))
        if base == "typing.Union":
            return self._union(items)
        if base == "typing.Annotated":
            schema = self.read(items[0])
            apply_metadata(schema, items[1:], self.scope, self.note)
            return schema
        kind = SIMPLE.get(base or "", {}).get("x-type")
        if kind == "list" and len(items) == 1:
            return {**simple("list"), "items": self.read(items[0])}
        if kind == "dict" and len(items) == 2 and self.scope.qualified(items[0]) == "str":
            return {**simple("dict"), "additionalProperties": self.read(items[1])}
        return self._unknown(ast.unparse(node))

    def _union(self, items: list[ast.expr]) -> PropertySchema:
        types = [item for item in items if not _is_none(item)]
        schemas = [self.read(item) for item in types]
        if len(schemas) == 1:
            schema = schemas[0]
        elif all(plain in (SIMPLE["int"], SIMPLE["float"]) for plain in schemas):
            schema = simple("float")  # JSON does not tell 3 from 3.0
        else:
            text = shortened(" | ".join(ast.unparse(item) for item in items))
            self.note(f"`{text}` has several types, so any JSON value is accepted")
            return unknown()
        return schema if len(types) == len(items) else nullable(schema)

    def _literal(self, node: ast.Subscript, items: list[ast.expr]) -> PropertySchema:
        try:
            values = [evaluate(item, self.scope) for item in items]
            choices = [to_json(value) for value in values]
        except NotLiteral:
            return self._unknown(ast.unparse(node))
        members = [value for value in values if isinstance(value, EnumMember)]
        if members and len(members) == len(values) and len({member.enum for member in members}) == 1:
            return enum_schema(self.scope.enums[members[0].enum], self.scope, choices)
        if members or any(isinstance(choice, list | dict) for choice in choices):
            return self._unknown(ast.unparse(node))
        return {"enum": choices, "x-type": "literal"}


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _alternatives(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_alternatives(node.left), *_alternatives(node.right)]
    return [node]


def schema_of_value(value: object, scope: Scope) -> PropertySchema:
    """The schema that a default suggests when there is no annotation: `3` an int, `[1, 2]` a list of int."""
    match value:
        case bool():
            return simple("bool")
        case int():
            return simple("int")
        case float():
            return simple("float")
        case str():
            return simple("str")
        case datetime():
            return simple("datetime.datetime")
        case date():
            return simple("datetime.date")
        case EnumMember(enum=enum):
            return enum_schema(scope.enums[enum], scope)
        case list():
            return _schema_of_list(value, scope)
        case dict():
            return simple("dict")
        case _:
            return unknown()


def _schema_of_list(values: list[object], scope: Scope) -> PropertySchema:
    items = [schema_of_value(value, scope) for value in values]
    if not items:
        return simple("list")
    if all(item == items[0] for item in items):
        return {**simple("list"), "items": items[0]}
    if {item["x-type"] for item in items} == {"int", "float"}:
        return {**simple("list"), "items": simple("float")}
    return simple("list")


def schema_of_computed(node: ast.expr, scope: Scope) -> PropertySchema | None:
    """The schema that a default computed by the notebook suggests (`date.today()`: a date), None when none."""
    name = scope.qualified(node.func) or "" if isinstance(node, ast.Call) else ""
    return simple(COMPUTED_TYPES[name]) if name in COMPUTED_TYPES else None
