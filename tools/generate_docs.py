"""Writes the generated pages of docs/ (`make docs`), or checks that they are current (`--check`).

docs/settings.md   every option: type, default, help, environment variable; from noteyard/settings.py
docs/rest.md       every operation of the REST API; from its OpenAPI document
docs/cli.md        every command of `noteyard` and `yard`; from the commands themselves
"""

import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

from cli_page import cli_page
from noteyard.settings import FILE_NAME, Settings
from noteyard.settings_section import Section
from pydantic.fields import FieldInfo
from rest_page import rest_page

DOCS = Path(__file__).resolve().parent.parent / "docs"
INTRODUCTION = f"""# Settings

<!-- Made from hub/noteyard/settings.py by `make docs`. Do not edit. -->

Noteyard reads one file, `{FILE_NAME}` in the state folder (`~/.noteyard`, or what `--state` and `NOTEYARD_STATE` say).
No option must be set. Environment variables override the file: two underscores lead one level down, so
`NOTEYARD_RUNS__CONCURRENT=8` is `runs.concurrent`. Lists are given as JSON there. A mistake is answered at the start
by the option, the value and what is allowed.

```yaml
# {FILE_NAME}
port: 8000
runs:
  concurrent: 8
profiles:
  - name: default
    title: Data science
  - name: large
    title: Large models
    memory_mb: 16384
    groups: [research]
```

`noteyard config show` prints what is in force; `noteyard config check` looks for what is missing, and says what it
costs. Changes take effect at the next start (`noteyard down`, `noteyard up`).
"""


@dataclass(frozen=True)
class Option:
    """One option as the page shows it."""

    path: str
    kind: str
    default: str
    help: str


def main() -> int:
    pages = {"settings.md": settings_page, "rest.md": rest_page, "cli.md": cli_page}
    stale = []
    for name, make in pages.items():
        page, text = DOCS / name, make()
        if page.exists() and page.read_text() == text:
            continue
        stale.append(str(page))
        if "--check" not in sys.argv[1:]:
            page.write_text(text)
    if stale and "--check" in sys.argv[1:]:
        print(f"Not current: {', '.join(stale)}. Make it so: make docs", file=sys.stderr)
        return 1
    return 0


def settings_page() -> str:
    """docs/settings.md."""
    own = [name for name, field in Settings.model_fields.items() if section_of(field) is None]
    parts = [INTRODUCTION, "## General\n", _table(options(Settings, "", only=own))]
    for name, field in Settings.model_fields.items():
        section = section_of(field)
        if section is None:
            continue
        listed = get_origin(field.annotation) is list
        parts.append(f"\n## `{name}`{' (a list)' if listed else ''}\n")
        parts.append(f"{(section.__doc__ or '').strip()}\n")
        parts.append(_table(options(section, f"{name}[]." if listed else f"{name}.")))
    return "\n".join(parts)


def options(section: type[Section] | type[Settings], prefix: str, only: list[str] | None = None) -> Iterator[Option]:
    """A section's options in their order."""
    for name, field in section.model_fields.items():
        inner = section_of(field)
        if inner is not None and only is None:
            yield from options(inner, f"{prefix}{name}.")
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
    words = {int: "whole number", float: "number", bool: "yes or no", str: "text", Path: "path"}
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


def _table(rows: Iterator[Option]) -> str:
    lines = ["| option | what it is | default | meaning |", "|---|---|---|---|"]
    for row in rows:
        cells = (f"`{row.path}`", row.kind, row.default, row.help)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
