"""Tables of options, as the generated pages of docs/ show them: path, kind, default and meaning of each."""

import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from noteyard.settings_section import Section
from pydantic import BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True)
class Option:
    """One option as the page shows it."""

    path: str
    kind: str
    default: str
    help: str


def options(section: type[BaseModel], prefix: str, only: Sequence[str] | None = None) -> Iterator[Option]:
    """A section's options in their order."""
    for name, field in section.model_fields.items():
        inner = section_of(field)
        if inner is not None and only is None:
            listed = "[]" if get_origin(field.annotation) is list else ""
            yield from options(inner, f"{prefix}{name}{listed}.")
        elif only is None or name in only:
            yield Option(prefix + name, kind_of(field.annotation, field), default_of(field), field.description or "")


def section_of(field: FieldInfo) -> type[Section] | None:
    """The section that an option holds, by itself or as a list."""
    for candidate in (field.annotation, *get_args(field.annotation)):
        if isinstance(candidate, type) and issubclass(candidate, Section):
            return candidate
    return None


def kind_of(annotation: Any, field: FieldInfo | None = None) -> str:
    """A type in words: `whole number, from 1 to 65534`."""
    if get_origin(annotation) is Annotated:
        return kind_of(get_args(annotation)[0], field)
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{value}`" for value in get_args(annotation))
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = [kind_of(kind) for kind in get_args(annotation) if kind is not type(None)]
        return " or ".join(kinds) + _bounds(field)
    if get_origin(annotation) is list:
        return f"list of {kind_of(get_args(annotation)[0])}s"
    if get_origin(annotation) is dict:
        key, value = (kind_of(kind) for kind in get_args(annotation))
        return f"mapping ({key}: {value})"
    words = {int: "whole number", float: "number", bool: "yes or no", str: "text", Path: "path", Any: "anything"}
    return words[annotation] + _bounds(field)


def _bounds(field: FieldInfo | None) -> str:
    words = {"ge": "at least {}", "gt": "more than {}", "le": "at most {}", "lt": "less than {}"}
    found = [
        phrase.format(getattr(rule, name))
        for rule in (field.metadata if field else [])
        for name, phrase in words.items()
        if getattr(rule, name, None) is not None
    ]
    return f", {', '.join(found)}" if found else ""


def default_of(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value in (None, [], {}, ""):
        return "—"
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    return f"`{value}`"


def table(rows: Iterator[Option]) -> str:
    """The rows in Markdown."""
    lines = ["| option | what it is | default | meaning |", "|---|---|---|---|"]
    for row in rows:
        cells = (f"`{row.path}`", row.kind, row.default, row.help)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
