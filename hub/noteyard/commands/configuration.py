"""`noteyard config`: the settings in force, and whether they fit the machine."""

import json
import re
from typing import Annotated, Any

import typer

from noteyard.commands.shared import JsonOption, StateOption, say, settings_of

HIDDEN = "…"

app = typer.Typer(no_args_is_help=True, help="Show the settings, or check them.")


@app.command()
def show(
    option: Annotated[str | None, typer.Argument(help="One option by its path, e.g. runs.concurrent.")] = None,
    state: StateOption = None,
) -> None:
    """Print all settings in force.

    File, environment variables and defaults together; secrets are hidden.
    """
    import yaml

    from noteyard.errors import NotFound
    from noteyard.settings_file import FILE_NAME

    settings = settings_of(state)
    content: Any = without_secrets(settings.model_dump(mode="json"))
    for name in option.split(".") if option else []:
        if not isinstance(content, dict) or name not in content:
            raise NotFound(f"There is no option {option!r}.", "All of them: noteyard config show")
        content = content[name]
    if option is None:
        say(f"# What {settings.state / FILE_NAME} and NOTEYARD_… variables come to.")
    say(yaml.safe_dump(content, sort_keys=False, allow_unicode=True).removesuffix("...\n").rstrip())


@app.command()
def check(state: StateOption = None, as_json: JsonOption = False) -> None:
    """Look for what is missing, and what it costs.

    DNS, TLS and environments. Exit code 1 when something can't work.
    """
    from noteyard.config_check import check as find
    from noteyard.findings import Weight

    findings = find(settings_of(state))
    if as_json:
        say(json.dumps([vars(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            say(f"{finding.weight}: {finding.message}\n  {finding.hint}\n")
        if not findings:
            say("Nothing is missing.")
    raise typer.Exit(1 if any(finding.weight is Weight.PROBLEM for finding in findings) else 0)


def without_secrets(content: Any) -> Any:
    """Settings with passwords in URLs blanked; other secrets are in files, and settings only name those."""
    if isinstance(content, dict):
        return {name: without_secrets(value) for name, value in content.items()}
    if isinstance(content, list):
        return [without_secrets(value) for value in content]
    return re.sub(r"(://[^/\s:@]*:)[^/\s@]+@", rf"\g<1>{HIDDEN}@", content) if isinstance(content, str) else content
