"""A form's fields from a parameter schema, and the values that such a form sends."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from noteyard.api.portal.forms import Sent
from noteyard.errors import FieldError, InvalidParameters
from noteyard.parameter_texts import OPENING, is_nullable
from noteyard.parameter_values import check_value
from noteyard.parameters import coerce_query

VALUES = "p."
ZONES = "z."
KINDS = {"int": "number", "float": "number", "str": "text", "list": "lines", "dict": "json", "json": "json"}
PICKED = ("int", "float", "date", "datetime")
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
    fields = [
        replace(_field(name, item, schema, values, templates), error=(errors or {}).get(name))
        for name, item in schema.get("properties", {}).items()
    ]
    return [_with_choice(_refilled(field, sent) if sent else field) for field in fields]


def values_of(
    schema: Mapping[str, Any], sent: Sent, values: Mapping[str, Any] | None = None, templates: bool = False
) -> dict[str, Any]:
    """The values a form sends that was made with these arguments, to be validated where they are used.

    A field that was left as it was filled stands for the very value of `values`, whatever its text could also mean,
    or for the default, which is left out.
    """
    values = values or {}
    properties = schema.get("properties", {})
    untouched = {
        name
        for name, item in properties.items()
        if _stands_for_a_value(name, item, values)
        and _is_untouched(_field(name, item, schema, values, templates), sent)
    }
    touched = [(name, text) for name, text in sent.under(VALUES) if name not in untouched]
    typed = coerce_query(schema, _with_zones(properties, touched, dict(sent.under(ZONES))))
    return {name: value for name, value in values.items() if name in untouched} | typed


def _stands_for_a_value(name: str, schema: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
    # A value that the schema no longer takes is read anew from its text, as `3` for what is a text now.
    return _fits(schema, values[name]) if name in values else "default" in schema


def _fits(schema: Mapping[str, Any], value: Any) -> bool:
    return not check_value("", schema, value)[1]


def _is_untouched(field: ParameterField, sent: Sent) -> bool:
    texts = [text for name, text in sent.under(VALUES) if name == field.name]
    if field.kind == "bool":
        texts = texts[-1:]
    zone = dict(sent.under(ZONES)).get(field.name, "")
    return [_lines_unified(text) for text in texts] == [_lines_unified(field.value)] and zone == field.zone


def _lines_unified(text: str) -> str:
    """As a browser has it, which knows one kind of line end."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


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
    name: str, schema: Mapping[str, Any], whole: Mapping[str, Any], values: Mapping[str, Any], templates: bool
) -> ParameterField:
    required = name in whole.get("required", ())
    given = values.get(name, schema.get("default"))
    kind = _kind(schema, given, templates)
    text, zone = _text_of(schema, given, kind)
    return ParameterField(
        name,
        kind,
        text,
        str(schema.get("description", "")),
        None,
        required,
        _type_words(schema),
        placeholder=f"computed: {schema['x-default']}" if "x-default" in schema else "",
        choices=_choices(schema, required) if kind == "select" else (),
        step="1" if schema.get("x-type") == "int" else "any",
        low=str(schema.get("minimum", "")),
        high=str(schema.get("maximum", "")),
        zone=zone,
    )


def _refilled(field: ParameterField, sent: Sent) -> ParameterField:
    text = next((text for name, text in reversed(sent.under(VALUES)) if name == field.name), field.value)
    return replace(field, value=text, zone=dict(sent.under(ZONES)).get(field.name, field.zone))


def _with_choice(field: ParameterField) -> ParameterField:
    """With its text among its choices: of a select that shows none, browsers send the first."""
    if field.kind != "select" or field.value in dict(field.choices):
        return field
    if not field.value:
        words = "choose …" if field.required else "the notebook's own"
        return replace(field, choices=(("", words), *field.choices))
    return replace(field, choices=(*field.choices, (field.value, field.value)))


def _kind(schema: Mapping[str, Any], given: Any, templates: bool) -> str:
    kind = str(schema.get("x-type", "json"))
    if "enum" in schema:
        return "select"
    if kind == "bool":
        two_states = isinstance(given, bool) or (given is None and "default" not in schema)
        return "bool" if two_states and not is_nullable(schema) and "x-default" not in schema else "select"
    if kind in PICKED and (templates or not _is_picked(schema, kind, given)):
        return "text"
    if kind == "str" and any(_needs_area(text) for text in (given, schema.get("default"))):
        return "area"
    return kind if kind in ("date", "datetime") else KINDS.get(kind, "json")


def _is_picked(schema: Mapping[str, Any], kind: str, given: Any) -> bool:
    """Whether the browser's own input for the type can show it; it is blank where it can't, and sends that."""
    if given is None:
        return True
    return _fits(schema, given) and not (kind == "datetime" and datetime.fromisoformat(given).microsecond)


def _needs_area(text: Any) -> bool:
    # Inputs of one line take the line ends out.
    return isinstance(text, str) and (len(text) > LONG_TEXT or "\n" in text or "\r" in text)


def _text_of(schema: Mapping[str, Any], value: Any, kind: str) -> tuple[str, str]:
    if value is None:
        return "", ""
    if kind == "datetime":
        return _split_moment(value)
    if kind == "lines" and isinstance(value, list):
        return _lines_or_json(schema, value), ""
    if kind == "json":
        return json.dumps(value, ensure_ascii=False, indent=2), ""
    return _plain(value), ""


def _lines_or_json(schema: Mapping[str, Any], items: list[Any]) -> str:
    """Items line by line where they are read back as they are, else as JSON, with None where that is another thing."""
    lines = "\n".join(_plain(item) for item in items)
    read = coerce_query({"properties": {"items": schema}}, [("items", lines)])
    exact = json.dumps(items, ensure_ascii=False)
    return lines if json.dumps(read.get("items"), ensure_ascii=False) == exact else exact


def _split_moment(text: str) -> tuple[str, str]:
    moment = datetime.fromisoformat(text)
    offset = moment.utcoffset()
    zone = "" if offset is None else ("UTC" if offset == timedelta(0) else timezone(offset).tzname(None)[3:])
    return moment.replace(tzinfo=None).isoformat(timespec="seconds"), zone


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _choices(schema: Mapping[str, Any], required: bool) -> tuple[tuple[str, str], ...]:
    computed = "x-default" in schema
    nothing = is_nullable(schema) and not computed
    first = (("", "none" if nothing else ("choose …" if required else "the notebook's own")),)
    if "enum" not in schema:
        return (*(first if nothing or computed else ()), ("true", "yes"), ("false", "no"))
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
        "list": "list, one item a line, or as JSON",
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
