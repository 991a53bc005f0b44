"""`yard params`: what a notebook can be given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from noteyard_lab.yard.api import Access, Api
from noteyard_lab.yard.options import Options, command
from noteyard_lab.yard.releasing import inspect
from noteyard_lab.yard.screen import Screen, plain

BOUNDS = {
    "minimum": "≥",
    "exclusiveMinimum": ">",
    "maximum": "≤",
    "exclusiveMaximum": "<",
    "minLength": "length ≥",
    "maxLength": "length ≤",
    "minItems": "items ≥",
    "maxItems": "items ≤",
    "pattern": "like",
    "multipleOf": "in steps of",
}


@dataclass(frozen=True, kw_only=True)
class NotebookOptions(Options):
    """A notebook on this computer."""

    notebook: Annotated[Path, typer.Argument(metavar="NOTEBOOK", help="The notebook, a file ending in .ipynb.")]


def add_to(app: typer.Typer) -> None:
    """Add the command to the app."""
    command(app, "params", NotebookOptions)(params)


def params(options: NotebookOptions, screen: Screen) -> None:
    """Show what a notebook can be given.

    Types, choices, bounds, defaults and help, from its cell with the tag `parameters`.
    """
    found = inspect(Api(Access.from_environment()), options.notebook)
    if screen.as_json:
        screen.result({"schema": found["schema"], "notes": found["notes"]})
        return
    required = set(found["schema"].get("required", ()))
    screen.table(
        ("Parameter", "Type", "Default", "Help"),
        [
            (name, _type(schema), _default(schema, required=name in required), str(schema.get("description", "")))
            for name, schema in found["schema"].get("properties", {}).items()
        ],
        "This notebook takes no parameters: it has no cell with the tag `parameters`.",
    )
    for note in found["notes"]:
        screen.note(f"! line {note['line']}: {note['message']}")


def _type(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(plain(choice) for choice in schema["enum"])
    kind = schema.get("x-type") or schema.get("type") or "JSON"
    names = [kind] if isinstance(kind, str) else [name for name in kind if name != "null"]
    words = [" or ".join(names)]
    if isinstance(schema.get("items"), dict) and kind in ("list", "array"):
        words.append(f"of {_type(schema['items'])}")
    words += [f"{sign} {plain(schema[bound])}" for bound, sign in BOUNDS.items() if bound in schema]
    if "null" in schema.get("type", ()):
        words.append("or nothing")
    return " ".join(words)


def _default(schema: dict[str, Any], *, required: bool) -> str:
    if required:
        return "(needed)"
    if "x-default" in schema:
        return str(schema["x-default"])
    return plain(schema["default"]) if schema.get("default") is not None else "nothing"
