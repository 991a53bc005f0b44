"""A form's fields from a parameter schema, and the values that such a form sends."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from noteyard.api.portal.forms import Sent
from noteyard.errors import FieldError, InvalidParameters
from noteyard.parameter_texts import OPENING, is_nullable
from noteyard.parameters import coerce_query

VALUES = "p."
ZONES = "z."
KINDS = {"int": "number", "float": "number", "str": "text", "list": "lines", "dict": "json", "json": "json"}
LONG_TEXT = 80


@dataclass(frozen=True)
class ParameterField:
    """One field; `kind` is number, text, area, bool, date, datetime, select, lines or json."""

    name: str
    kind: str
    value: str
    help: str
    error: str | None
    required: bool
    type_words: str
    placeholder: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    step: str = ""
    low: str = ""
    high: str = ""
    zone: str = ""


def fields_of(
    schema: Mapping[str, Any],
    values: Mapping[str, Any],
    sent: Sent | None = None,
    errors: Mapping[str, str] | None = None,
    templates: bool = False,
) -> list[ParameterField]:
    """Fields filled with what was sent, else with `values`, else with defaults. `templates`: any text is allowed."""
    required = set(schema.get("required", ()))
    return [
        _field(name, item, values, sent, (errors or {}).get(name), name in required, templates)
        for name, item in schema.get("properties", {}).items()
    ]


def values_of(schema: Mapping[str, Any], sent: Sent) -> dict[str, Any]:
    """The values a form sends, to be validated where they are used."""
    zones = dict(sent.under(ZONES))
    properties = schema.get("properties", {})
    return coerce_query(schema, _with_zones(properties, sent.under(VALUES), zones))


def _with_zones(
    properties: Mapping[str, Any], pairs: Iterable[tuple[str, str]], zones: Mapping[str, str]
) -> list[tuple[str, str]]:
    done: list[tuple[str, str]] = []
    for name, text in pairs:
        zone = zones.get(name, "").strip()
        if properties.get(name, {}).get("x-type") == "datetime" and zone and text.strip() and OPENING not in text:
            text = _in_zone(name, text.strip(), zone)
        done.append((name, text))
    return done


def _in_zone(name: str, text: str, zone: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.tzinfo is not None:
        return text
    try:
        if zone[0] in "+-":
            return datetime.fromisoformat(f"{moment.isoformat()}{zone}").isoformat()
        return moment.replace(tzinfo=ZoneInfo(zone)).isoformat()
    except (ValueError, OSError, KeyError):
        raise InvalidParameters(
            [FieldError(name, f"{zone!r} is no time zone; write for instance Europe/Berlin")]
        ) from None


def _field(
    name: str,
    schema: Mapping[str, Any],
    values: Mapping[str, Any],
    sent: Sent | None,
    error: str | None,
    required: bool,
    templates: bool,
) -> ParameterField:
    kind = _kind(schema, templates)
    given = values.get(name, schema.get("default"))
    text, zone = _text_of(given, kind)
    if sent:
        text = next((item for key, item in reversed(sent.under(VALUES)) if key == name), text)
        zone = dict(sent.under(ZONES)).get(name, zone)
    return ParameterField(
        name,
        kind,
        text,
        str(schema.get("description", "")),
        error,
        required,
        _type_words(schema),
        placeholder=f"computed: {schema['x-default']}" if "x-default" in schema else "",
        choices=_choices(schema, required),
        step="1" if schema.get("x-type") == "int" else "any",
        low=str(schema.get("minimum", "")),
        high=str(schema.get("maximum", "")),
        zone=zone,
    )


def _kind(schema: Mapping[str, Any], templates: bool) -> str:
    if "enum" in schema or (schema.get("x-type") == "bool" and is_nullable(schema)):
        return "select"
    kind = str(schema.get("x-type", "json"))
    if kind in ("date", "datetime", "bool"):
        return "text" if templates and kind != "bool" else kind
    if kind == "str" and len(str(schema.get("default") or "")) > LONG_TEXT:
        return "area"
    words = KINDS.get(kind, "json")
    return "text" if templates and words == "number" else words


def _text_of(value: Any, kind: str) -> tuple[str, str]:
    if value is None:
        return "", ""
    if kind == "datetime" and isinstance(value, str):
        return _split_moment(value)
    if kind == "lines" and isinstance(value, list):
        return "\n".join(_plain(item) for item in value), ""
    if kind == "json":
        return json.dumps(value, ensure_ascii=False, indent=2), ""
    return _plain(value), ""


def _split_moment(text: str) -> tuple[str, str]:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text, ""
    offset = moment.utcoffset()
    zone = "" if offset is None else ("UTC" if offset == timedelta(0) else timezone(offset).tzname(None)[3:])
    return moment.replace(tzinfo=None).isoformat(timespec="seconds"), zone


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _choices(schema: Mapping[str, Any], required: bool) -> tuple[tuple[str, str], ...]:
    if schema.get("x-type") == "bool":
        return (("", "none"), ("true", "yes"), ("false", "no"))
    if "enum" not in schema:
        return ()
    first = (("", "none" if None in schema["enum"] else ("choose …" if required else "the notebook's own")),)
    optional = None in schema["enum"] or "default" not in schema
    members = tuple((_plain(item), _plain(item)) for item in schema["enum"] if item is not None)
    return (*(first if optional else ()), *members)


def _type_words(schema: Mapping[str, Any]) -> str:
    words = {
        "int": "whole number",
        "float": "number",
        "str": "text",
        "bool": "yes or no",
        "date": "date",
        "datetime": "date and time",
        "list": "list, one item a line",
        "dict": "JSON object",
        "json": "any JSON",
        "enum": "choice",
        "literal": "choice",
    }[str(schema.get("x-type", "json"))]
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        words += f" from {low} to {high}"
    elif low is not None or high is not None:
        words += f", at least {low}" if low is not None else f", at most {high}"
    return words + (", may be empty" if is_nullable(schema) else "")
