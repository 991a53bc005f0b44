"""What is wrong with a value, in words that follow its field's name: `must be at least 1, got 0`."""

import difflib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jsonschema.exceptions import ValidationError

LONGEST_SHOWN = 60
TYPE_WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "text",
    "array": "a list",
    "object": "a JSON object",
    "null": "null",
}
FORMAT_WORDS = {"date": "a date like 2026-01-31", "date-time": "a date and time like 2026-01-31T08:30:00+00:00"}


def shown(value: Any) -> str:
    """A value as JSON, cut when it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def field_of(name: str, error: ValidationError) -> str:
    """The dotted path of the refused part: `regions`, `regions[2]`, `limits.upper`."""
    return name + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)


def message_of(error: ValidationError) -> str:
    """The sentence for an error of the validator."""
    keyword, value = str(error.validator), error.instance
    limit: Any = error.validator_value
    if keyword in SENTENCES:
        return f"must {SENTENCES[keyword](limit)}, got {shown(value)}"
    if keyword == "type":
        return f"must be {_kind(error.schema)}, got {shown(value)}"
    if keyword == "format":
        return f"must be {FORMAT_WORDS[limit]}, got {shown(value)}"
    if keyword == "enum":
        return _choice(limit, value)
    return error.message


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


SENTENCES: Mapping[str, Callable[[Any], str]] = {
    "minimum": lambda limit: f"be at least {shown(limit)}",
    "exclusiveMinimum": lambda limit: f"be more than {shown(limit)}",
    "maximum": lambda limit: f"be at most {shown(limit)}",
    "exclusiveMaximum": lambda limit: f"be less than {shown(limit)}",
    "multipleOf": lambda step: f"be a multiple of {shown(step)}",
    "formatMinimum": lambda limit: f"not be before {limit}",
    "formatExclusiveMinimum": lambda limit: f"be after {limit}",
    "formatMaximum": lambda limit: f"not be after {limit}",
    "formatExclusiveMaximum": lambda limit: f"be before {limit}",
    "minLength": lambda limit: f"have at least {_counted(limit, 'character', 'characters')}",
    "maxLength": lambda limit: f"have at most {_counted(limit, 'character', 'characters')}",
    "minItems": lambda limit: f"have at least {_counted(limit, 'entry', 'entries')}",
    "maxItems": lambda limit: f"have at most {_counted(limit, 'entry', 'entries')}",
    "minProperties": lambda limit: f"have at least {_counted(limit, 'entry', 'entries')}",
    "maxProperties": lambda limit: f"have at most {_counted(limit, 'entry', 'entries')}",
}


def _kind(schema: Any) -> str:
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    words = [
        FORMAT_WORDS.get(schema.get("format", ""), TYPE_WORDS[kind]) if kind != "null" else "null" for kind in types
    ]
    return " or ".join(words)


def _choice(choices: Sequence[Any], value: Any) -> str:
    listed = ", ".join(shown(choice) for choice in choices[:20]) + (", …" if len(choices) > 20 else "")
    meant = (
        closest(value, [choice for choice in choices if isinstance(choice, str)]) if isinstance(value, str) else None
    )
    question = "" if meant is None else f" (did you mean {shown(meant)}?)"
    return f"must be one of {listed}, got {shown(value)}{question}"


def closest(name: str, known: Sequence[str]) -> str | None:
    """The known name that was probably meant, None when none is near."""
    by_folded = {each.casefold(): each for each in known}
    near = difflib.get_close_matches(name[:100].casefold(), by_folded, n=1)
    return by_folded[near[0]] if near else None


def unknown_name(name: str, known: Sequence[str]) -> str:
    """The sentence for a name that is none of the parameters."""
    if not known:
        return "this notebook takes no parameters; tag a code cell `parameters` to declare some"
    meant = closest(name, known)
    if meant is not None:
        return f"is not a parameter of this notebook (did you mean {meant}?)"
    return f"is not a parameter of this notebook; it takes {', '.join(known[:20])}{', …' if len(known) > 20 else ''}"
