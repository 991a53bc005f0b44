"""The state folder's `noteyard.yaml`: read with the environment over it, its mistakes told in words."""

import os
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from noteyard.errors import NoteyardError
from noteyard.settings import Settings

FILE_NAME = "noteyard.yaml"


def state_folder(given: Path | None = None) -> Path:
    """The state folder: as given, else NOTEYARD_STATE, else ~/.noteyard."""
    return Path(given or os.environ.get("NOTEYARD_STATE") or "~/.noteyard").expanduser().absolute()


def load(state: Path | None = None, **overrides: Any) -> Settings:
    """Settings of the state folder's `noteyard.yaml`, the environment over it, `overrides` (command line) over both.

    Raises NoteyardError that names each wrong option by its path, the value, and what is allowed.
    """
    folder = state_folder(state)
    path = folder / FILE_NAME
    content = _read(path) if path.exists() else {}
    try:
        settings = Settings(**{**content, "state": folder})
        settings = settings.model_copy(update={"state": folder})
        if overrides:
            settings = Settings.model_validate({**settings.model_dump(), **overrides, "state": folder})
            settings = settings.model_copy(update={**overrides, "state": folder})
    except ValidationError as error:
        raise NoteyardError(
            _explain(error, path), f"Edit {path} (or the NOTEYARD_… variable) and start again."
        ) from None
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise NoteyardError(f"{path} is not valid YAML: {error}", "Correct that line and start again.") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise NoteyardError(f"{path} must hold options (name: value), not a {type(content).__name__}.")
    return content


def _explain(error: ValidationError, path: Path) -> str:
    lines = []
    for problem in error.errors():
        option = ".".join(str(part) for part in problem["loc"]) or "settings"
        if problem["type"] == "extra_forbidden":
            lines.append(f"{option}: there is no such option")
        elif problem["type"] == "value_error":
            lines.append(f"{option}: {problem['msg'].removeprefix('Value error, ')}")
        else:
            lines.append(
                f"{option}: {problem['input']!r} can't be used: {problem['msg'][0].lower()}{problem['msg'][1:]}"
            )
    return f"Settings can't be used ({path}): " + "; ".join(lines) + "."
