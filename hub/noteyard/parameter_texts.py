"""Values that come as text, from forms, URLs and command lines, turned into the JSON values a schema asks for."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from noteyard.parameter_values import check_value

OPENING: Final = "{{"  # of a template, which only a schedule may fill in
WHOLE = re.compile(r"[+-]?[0-9]{1,300}")
DECIMAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
WORDS = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
NULL_WORDS = frozenset({"null", "none"})
ABSENT = object()


def coerce_query(schema: Mapping[str, Any], pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """JSON values from (name, text) pairs, for `validate` to check: text that does not fit stays text and is refused
    there, together with everything else.

    - Names given several times, and text of several lines, are a list where the parameter is one; `["a", "b"]` too
      where the items may be so. Text that only begins with a bracket is an item as any other.
      A boolean given several times counts by its last text (a form's hidden field before its checkbox).
    - Empty text is null for an optional parameter, empty text for a plain one of text, an empty list for a list, and
      otherwise as if not given. So it is for a default that the notebook computes, optional or not.
    - An enum's member is found by its name in any case, or by its value.
    - Parameters that take any JSON get the text as JSON, or as text when it is none.
    """
    texts: dict[str, list[str]] = {}
    for name, text in pairs:
        texts.setdefault(name, []).append(text)
    properties: Mapping[str, Any] = schema.get("properties", {})
    coerced = {name: _coerce(properties.get(name, {}), given) for name, given in texts.items()}
    return {name: value for name, value in coerced.items() if value is not ABSENT}


def value_from_text(property_schema: Mapping[str, Any], text: str) -> Any:
    """The JSON value that `text` stands for by the schema of one parameter, `text` itself when it stands for none."""
    choices = property_schema.get("enum")
    if choices is not None:
        return _choice(property_schema, choices, text)
    stripped = text.strip()
    if is_nullable(property_schema) and stripped.lower() in NULL_WORDS and property_schema["x-type"] != "str":
        return None
    match property_schema.get("x-type", "json"):
        case "int" if WHOLE.fullmatch(stripped):
            return int(stripped)
        case "float" if DECIMAL.fullmatch(stripped):
            return float(stripped)
        case "bool":
            return WORDS.get(stripped.lower(), text)
        case "date" | "datetime" if stripped:
            return stripped
        case "list" | "dict" | "json":
            return _json(text)
        case _:
            return text


def is_nullable(property_schema: Mapping[str, Any]) -> bool:
    """Whether the parameter is optional in Python's sense: None is one of its values."""
    return "null" in property_schema.get("type", ()) or None in property_schema.get("enum", ())


def _coerce(schema: Mapping[str, Any], texts: list[str]) -> Any:
    kind = schema.get("x-type", "json")
    if kind == "list":
        return _list(schema, texts)
    if kind == "bool":
        texts = texts[-1:]
    if len(texts) > 1:
        return [value_from_text(schema, text) for text in texts]
    if texts[0].strip():
        return value_from_text(schema, texts[0])
    return _empty(schema, texts[0])


def _empty(schema: Mapping[str, Any], text: str) -> Any:
    if "x-default" in schema:
        return ABSENT
    if is_nullable(schema):
        return None if text == "" or schema["x-type"] != "str" else text
    return text if schema.get("x-type") == "str" or "" in schema.get("enum", ()) else ABSENT


def _list(schema: Mapping[str, Any], texts: list[str]) -> Any:
    if len(texts) == 1 and texts[0].lstrip().startswith("["):
        return _bracketed(schema, texts[0])
    return _lines(schema, texts)


def _bracketed(schema: Mapping[str, Any], text: str) -> Any:
    document = _json(text)
    if document is text:  # a template may give a whole list, when it is filled in
        return text if OPENING in text else _lines(schema, [text])
    if not check_value("", schema, document)[1]:
        return document
    lines = _lines(schema, [text])  # of a list of lists, this may be one
    # A list of texts that holds a number is a mistake to be told, and not one text with brackets in it.
    is_text = schema.get("items", {}).get("x-type") == "str"
    return document if is_text or check_value("", schema, lines)[1] else lines


def _lines(schema: Mapping[str, Any], texts: list[str]) -> Any:
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    if not lines:
        return _empty_list(schema)
    if len(lines) == 1 and is_nullable(schema) and lines[0].strip().lower() in NULL_WORDS:
        return None
    items = schema.get("items", {})
    return [value_from_text(items, line) for line in lines]


def _empty_list(schema: Mapping[str, Any]) -> Any:
    if "x-default" in schema:
        return ABSENT
    return None if is_nullable(schema) else []


def _choice(schema: Mapping[str, Any], choices: list[Any], text: str) -> Any:
    if text in choices:
        return text
    if None in choices and text.strip().lower() in NULL_WORDS:
        return None
    names = {name.casefold(): name for name in choices if isinstance(name, str)}
    values = {_as_text(value): name for name, value in schema.get("x-enum-values", {}).items()}
    if schema["x-type"] == "enum":
        return values.get(text, names.get(text.strip().casefold(), text))
    others = {_as_text(choice).casefold(): choice for choice in choices if not isinstance(choice, str)}
    return others.get(text.strip().casefold(), text)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
