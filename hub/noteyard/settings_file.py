"""The state folder's `noteyard.yaml`: read with the environment over it, its mistakes told in words."""

import os
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_settings import SettingsError

from noteyard.errors import NoteyardError
from noteyard.settings import Settings

FILE_NAME = "noteyard.yaml"
UNKNOWN = "there is no such option"


def state_folder(given: Path | None = None) -> Path:
    """The state folder: as given, else NOTEYARD_STATE, else ~/.noteyard."""
    return Path(given or os.environ.get("NOTEYARD_STATE") or "~/.noteyard").expanduser().absolute()


def load(state: Path | None = None, **overrides: Any) -> Settings:
    """Settings of the state folder's `noteyard.yaml`, the environment over it, `overrides` (command line) over both.

    Raises NoteyardError that names each wrong option by its path, the value, and what is allowed; or the variable or
    the file that can't be read.
    """
    folder = state_folder(state)
    path = folder / FILE_NAME
    content = _read(path)
    try:
        settings = Settings(**{**content, "state": folder})
        settings = settings.model_copy(update={"state": folder})
        if overrides:
            settings = Settings.model_validate({**settings.model_dump(), **overrides, "state": folder})
            settings = settings.model_copy(update={**overrides, "state": folder})
    except ValidationError as error:
        raise _wrong(_explain(error), path) from None
    except SettingsError as error:
        raise _wrong_variable(error) from None
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        reason = os.strerror(error.errno or 0).lower()
        raise NoteyardError(
            f"{path} can't be read: {reason}.", "Give this account the right to read it, as a file, and start again."
        ) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise NoteyardError(f"{path} is not UTF-8, in line {line}.", "Save it as UTF-8 and start again.") from None
    except yaml.YAMLError as error:
        raise NoteyardError(f"{path} is not valid YAML: {error}", "Correct that line and start again.") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise NoteyardError(f"{path} must hold options (name: value), not a {type(content).__name__}.")
    nameless = [f"{key!r}: {UNKNOWN}" for key in content if not isinstance(key, str)]
    if nameless:
        raise _wrong("; ".join(nameless), path)
    return content


def _wrong(what: str, path: Path) -> NoteyardError:
    return NoteyardError(
        f"Settings can't be used ({path}): {what}.", f"Edit {path} (or the NOTEYARD_… variable) and start again."
    )


def _wrong_variable(error: SettingsError) -> NoteyardError:
    """The values stay unsaid."""
    found = re.search(r'field "(\w+)"', str(error))
    begin = f"NOTEYARD_{found[1] if found else ''}".upper()
    names = sorted(name for name in os.environ if name.upper() == begin or name.upper().startswith(f"{begin}__"))
    return NoteyardError(
        f"Settings can't be used: {' or '.join(names) or begin} can't be read as JSON.",
        'Write lists and sections in variables as JSON, e.g. ["one", "two"], or in noteyard.yaml, and start again.',
    )


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        option = ".".join(str(part) for part in problem["loc"]) or "settings"
        if problem["type"] in ("extra_forbidden", "invalid_key"):
            lines.append(f"{option}: {UNKNOWN}")
        elif problem["type"] == "value_error":
            lines.append(f"{option}: {problem['msg'].removeprefix('Value error, ')}")
        else:
            lines.append(
                f"{option}: {problem['input']!r} can't be used: {problem['msg'][0].lower()}{problem['msg'][1:]}"
            )
    return "; ".join(lines)
