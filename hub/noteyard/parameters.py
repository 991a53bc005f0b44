"""The parameter schema of a notebook, from its cell tagged `parameters`, read and never run.

`schema_from_notebook` makes it, `validate` is the one place where values are checked, `coerce_query` turns texts of
forms, URLs and command lines into values to be checked.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from noteyard.parameter_annotations import (
    AnnotationReader,
    nullable,
    schema_of_computed,
    schema_of_value,
    shortened,
    unknown,
)
from noteyard.parameter_cells import (
    Declaration,
    Note,
    Unreadable,
    code_cells,
    is_tagged,
    language,
    parse,
    read_cell,
    source,
)
from noteyard.parameter_literals import NotLiteral, evaluate, to_json
from noteyard.parameter_names import Scope
from noteyard.parameter_texts import coerce_query
from noteyard.parameter_values import check_value, validate

__all__ = ["Note", "ParameterSchema", "coerce_query", "schema_from_notebook", "validate"]

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True)
class ParameterSchema:
    """What a notebook takes.

    `json_schema` (draft 2020-12) has the parameters as `properties` in their order; beside the usual keywords `x-type`
    and `x-enum` (see parameter_annotations), and `x-default`: the expression by which the notebook computes a default
    that can't be told beforehand. Such a parameter is not required, and `validate` leaves it out when it is not given.
    `notes` names what could not be understood; those parameters take any JSON value.
    """

    json_schema: Mapping[str, Any]
    notes: tuple[Note, ...] = ()


def schema_from_notebook(nb: Mapping[str, Any]) -> ParameterSchema:
    """The schema of the notebook `nb` (format 4, as JSON).

    Without a tagged cell it takes no parameters; where the cell is in another language than Python, or is not valid
    Python, it takes any, with a note. Raises NoteyardError when `nb` is no notebook.
    """
    cells = code_cells(nb)
    tagged = [index for index, cell in enumerate(cells) if is_tagged(cell)]
    if not tagged:
        return ParameterSchema(_object({}, []))
    spoken = language(nb)
    if spoken != "python":
        return _open(
            Note(1, f"the language of this notebook is {spoken}: its parameters are not read, any are accepted")
        )
    first = tagged[0]
    try:
        schema = _read(source(cells[first]), [source(cell) for cell in cells[:first]])
    except Unreadable as unreadable:
        return _open(unreadable.note)
    except RecursionError:
        return _open(Note(1, "the cell is nested too deeply to be read, so any parameters are accepted"))
    if len(tagged) > 1:
        more = Note(1, f"{len(tagged)} cells are tagged `parameters`, and the first is the one that counts")
        schema = ParameterSchema(schema.json_schema, (*schema.notes, more))
    return schema


def _open(note: Note) -> ParameterSchema:
    return ParameterSchema({"$schema": DIALECT, "type": "object", "properties": {}, "required": []}, (note,))


def _object(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "$schema": DIALECT,
        "type": "object",
        "properties": dict(properties),
        "required": required,
        "additionalProperties": False,
    }


def _read(text: str, earlier: list[str]) -> ParameterSchema:
    cell = read_cell(text)
    scope = Scope()
    for before in earlier:
        _learn(before, scope)
    for statement in cell.others:
        scope.read_statement(statement)
    properties: dict[str, Any] = {}
    required: list[str] = []
    notes = list(cell.notes)
    for declaration in cell.declarations.values():
        if _is_alias(declaration, scope):
            continue
        reader = _DeclarationReader(declaration, scope)
        properties[declaration.name] = reader.read()
        notes += reader.notes
        if declaration.value is None:
            required.append(declaration.name)
    notes.sort(key=lambda note: note.line)
    return ParameterSchema(_object(properties, required), tuple(notes))


def _learn(text: str, scope: Scope) -> None:
    """Take imports, enum classes and type aliases from a cell before the parameters cell, as far as it can be read."""
    try:
        tree = parse(text)
    except Unreadable:
        return
    for statement in tree.body:
        known = scope.read_statement(statement)
        if not known and isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            name = statement.targets[0].id
            _is_alias(Declaration(name, statement.lineno, None, statement.value, None), scope)


def _is_alias(declaration: Declaration, scope: Scope) -> bool:
    """Whether this names a type (`Percent = Annotated[int, Ge(0), Le(100)]`), which the scope then knows."""
    if declaration.value is None:
        return False
    if declaration.annotation is None:
        alias = AnnotationReader(scope, lambda _: None).is_type(declaration.value)
    else:
        alias = (scope.qualified(declaration.annotation) or "").rpartition(".")[2] == "TypeAlias"
    if alias:
        scope.aliases[declaration.name] = declaration.value
    return alias


class _DeclarationReader:
    """Makes one declaration into the schema of its parameter, collecting notes."""

    def __init__(self, declaration: Declaration, scope: Scope) -> None:
        self.declaration = declaration
        self.scope = scope
        self.notes: list[Note] = []

    def note(self, message: str) -> None:
        name = self.declaration.name
        self.notes.append(Note(self.declaration.line, f"`{name}`: {message}", name))

    def read(self) -> dict[str, Any]:
        annotation, value = self.declaration.annotation, self.declaration.value
        schema = None if annotation is None else AnnotationReader(self.scope, self.note).read(annotation)
        if value is not None:
            schema = self._with_default(schema, value)
        schema = schema or unknown()
        if self.declaration.help:
            schema["description"] = self.declaration.help
        return schema

    def _with_default(self, schema: dict[str, Any] | None, node: ast.expr) -> dict[str, Any]:
        try:
            value = evaluate(node, self.scope)
            default = to_json(value)
        except NotLiteral as error:
            return self._with_computed_default(schema, node, str(error))
        if schema is None:
            schema = schema_of_value(value, self.scope)
            if value is None:
                self.note(
                    "its default None tells no type, so any JSON value is accepted; annotate it: `name: str | None`"
                )
        if default is None:
            schema = nullable(schema)
        default, errors = check_value(self.declaration.name, schema, default)
        if errors:
            self.note(f"its default `{shortened(ast.unparse(node))}` does not fit its type: it {errors[0].message}")
            return {**schema, "x-default": shortened(ast.unparse(node))}
        return {**schema, "default": default}

    def _with_computed_default(self, schema: dict[str, Any] | None, node: ast.expr, why: str) -> dict[str, Any]:
        if schema is None:
            schema = schema_of_computed(node, self.scope)
        if schema is None:
            self.note(
                f"its default `{shortened(ast.unparse(node))}` tells no type ({why}), so any JSON value is accepted"
            )
            schema = unknown()
        return {**schema, "x-default": shortened(ast.unparse(node))}
