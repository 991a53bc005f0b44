"""docs/cli.md: the commands of `noteyard` and `yard` for people."""

import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

from noteyard.cli import app as noteyard
from typer.main import get_command

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "extensions" / "noteyard-lab"))
from noteyard_lab.yard.errors import EXIT_CODES_HELP
from noteyard_lab.yard.main import make_app

INTRODUCTION = """# Command lines

<!-- Made from the commands themselves by `make docs`. Do not edit. -->

`noteyard` sets up and administers an installation, on its machine. `yard` is for people: it runs notebooks, puts them
on a schedule and publishes them, in a lab or anywhere with a token. Every command tells about itself with `--help`.
"""

EXIT_CODES = {
    "noteyard": "Exit codes: 0 done · 1 refused (the message says why) · 2 wrong command line · 130 stopped by Ctrl-C.",
    "yard": EXIT_CODES_HELP,
}
OWN_EXIT_CODES = {
    "noteyard status": "0 all parts run · 1 some do not · 3 Noteyard is not running.",
    "noteyard config check": "0 nothing is missing that Noteyard needs · 1 something is.",
}
"""Of commands whose codes mean more than those of all."""

EXAMPLES = {
    "noteyard up": "noteyard up --detach --port 9000",
    "noteyard down": "noteyard down",
    "noteyard status": "noteyard status --json",
    "noteyard logs": "noteyard logs api --follow",
    "noteyard user add": "noteyard user add ada --group sales",
    "noteyard user list": "noteyard user list",
    "noteyard user disable": "noteyard user disable ada",
    "noteyard user enable": "noteyard user enable ada",
    "noteyard user remove": "noteyard user remove ada --yes",
    "noteyard user purge": "noteyard user purge ada",
    "noteyard user password": "noteyard user password ada",
    "noteyard user relink": "noteyard user relink ada",
    "noteyard user groups": "noteyard user groups ada sales research",
    "noteyard user admin": "noteyard user admin ada",
    "noteyard token": "noteyard token ada --scope read --scope write --days 90",
    "noteyard config show": "noteyard config show",
    "noteyard config check": "noteyard config check",
    "noteyard backup": "noteyard backup yard.tar.gz",
    "noteyard restore": "noteyard restore yard.tar.gz",
    "yard run": "yard run report.ipynb -p day=2026-11-22 --wait",
    "yard runs": "yard runs --state failed",
    "yard show": "yard show r3k9m2x0q1abcdef",
    "yard logs": "yard logs r3k9m2x0q1abcdef --follow",
    "yard cancel": "yard cancel r3k9m2x0q1abcdef",
    "yard download": "yard download r3k9m2x0q1abcdef",
    "yard schedule create": "yard schedule create report.ipynb --cron '0 6 * * *' -p day='{{ due | date }}'",
    "yard schedule list": "yard schedule list",
    "yard schedule show": "yard schedule show 'Nightly report'",
    "yard schedule next": "yard schedule next 'Nightly report'",
    "yard schedule move": "yard schedule move collect",
    "yard schedule pause": "yard schedule pause 'Nightly report'",
    "yard schedule resume": "yard schedule resume 'Nightly report'",
    "yard schedule run-now": "yard schedule run-now 'Nightly report'",
    "yard schedule test-alerts": "yard schedule test-alerts 'Nightly report'",
    "yard schedule delete": "yard schedule delete 'Nightly report'",
    "yard publish": "yard publish report.ipynb --slug sales --audience groups --group sales --wait",
    "yard dashboards": "yard dashboards --json",
    "yard dashboards versions": "yard dashboards versions sales",
    "yard dashboards rollback": "yard dashboards rollback sales 2",
    "yard dashboards sleep": "yard dashboards sleep sales",
    "yard dashboards wake": "yard dashboards wake sales",
    "yard dashboards delete": "yard dashboards delete sales --yes",
    "yard params": "yard params report.ipynb",
}


def cli_page() -> str:
    """docs/cli.md."""
    parts = [INTRODUCTION]
    for name, top in tops():
        parts += [f"## {name}\n", f"{_paragraphs(top.help or '')}\n", f"{EXIT_CODES[name]}\n"]
        parts += [_section(path, command) for path, command in commands(name, top)]
    return "\n".join(parts)


def tops() -> list[tuple[str, Any]]:
    """Both command lines: name and typer's group."""
    return [("noteyard", get_command(noteyard)), ("yard", get_command(make_app()))]


def commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """(path, command) of every command below a group: `noteyard user add`."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield name, command
        return
    if getattr(command, "invoke_without_command", False):
        yield name, command
    for own, found in inner.items():
        yield from commands(f"{name} {own}", found)


def _section(path: str, command: Any) -> str:
    arguments = [item for item in command.params if item.param_type_name == "argument"]
    options = [item for item in command.params if item.param_type_name == "option"]
    usage = " ".join([path, *(_argument(item) for item in arguments), *(["[OPTIONS]"] if options else [])])
    parts = [f"### `{usage}`\n", _paragraphs(command.help or "") + "\n"]
    rows = [(f"`{_argument(item)}`", "required" if item.required else "—", item.help or "") for item in arguments]
    rows += [(f"`{_option(item)}`", _default(item), item.help or "") for item in options]
    if rows:
        lines = ["| | default | meaning |", "|---|---|---|"]
        lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
        parts.append("\n".join(lines) + "\n")
    if path in OWN_EXIT_CODES:
        parts.append(f"Exit codes: {OWN_EXIT_CODES[path]}\n")
    parts.append(f"```sh\n{EXAMPLES[path]}\n```\n")
    return "\n".join(parts)


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n")).strip()


def _argument(item: Any) -> str:
    name = getattr(item, "metavar", None) or item.name.upper()
    shown = f"{name}..." if item.nargs != 1 else name
    return shown if item.required else f"[{shown}]"


def _option(item: Any) -> str:
    names = ", ".join(item.opts) + (f"/{item.secondary_opts[0]}" if item.secondary_opts else "")
    return names if item.is_flag else f"{names} {_value(item)}"


def _value(item: Any) -> str:
    metavar = getattr(item, "metavar", None)
    kind = item.type_descriptor.annotation
    if metavar:
        return str(metavar)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(choice.value) for choice in kind)
    return {int: "N", float: "N", Path: "PATH"}.get(kind, "TEXT")


def _default(item: Any) -> str:
    if item.required:
        return "required"
    value = getattr(item, "default", None)
    if value is None or value is False or value == () or value == [] or callable(value):
        return "—"
    return "yes" if value is True else f"`{value}`"
