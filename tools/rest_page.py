"""docs/rest.md: the OpenAPI document for people."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from noteyard.api.app import DESCRIPTION, make_app
from noteyard.api.openapi import SCOPE
from noteyard.api.problems import MEDIA_TYPE
from noteyard.instance import Instance
from noteyard.settings import Settings

PORTS = {"edge": 8000, "hub": 8001, "api": 8002, "controller": 8003, "s3": 8004}
"""The document names none of them; the application wants to know some."""

INTRODUCTION = f"""# REST API

<!-- Made from the OpenAPI document by `make docs`. Do not edit. -->

{DESCRIPTION}
The OpenAPI document is served at `/api/v1/openapi.json`. A first call:

```sh
curl -H "Authorization: Bearer $NOTEYARD_TOKEN" "$NOTEYARD_URL/api/v1/runs?state=failed&limit=5"
```

A token has scopes. `write` includes `read`; `admin` works for administrators only.

| scope | what it opens |
|---|---|
| `any` | being logged in is enough |
| `read` | see runs, schedules, dashboards and releases, and their results |
| `write` | start, change and publish them |
| `admin` | people, audit |

Lists answer a page: `items`, and `next`, the `cursor` of the next page, or null on the last one (a schedule's fires
take it as `before`).
"""

COMMON = {
    "cursor": "`next` of the page before.",
    "before": "`next` of the page before, or any moment.",
    "limit": "Items in a page at most.",
    "id": "Its id.",
    "slug": "The last part of its link, or its id.",
}
"""What parameters mean that many operations have."""

PROBLEMS = """## Problem documents

Every refusal is a problem document (RFC 9457, `{media}`). `detail` says what happened, `hint` what to do
next, `fields` each value that can't be used; `request_id` finds the request in the logs.

{table}
```json
{example}
```
"""


def document() -> dict[str, Any]:
    """The OpenAPI document of an installation with default settings."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(state=Path(folder))
        instance = Instance.of(settings)
        instance.make_secrets()
        (instance.run / "ports.json").write_text(json.dumps(PORTS))
        return make_app(settings).openapi()


def rest_page() -> str:
    """docs/rest.md."""
    api = document()
    by_noun: dict[str, list[str]] = {}
    for method, path, operation in operations(api):
        by_noun.setdefault(operation["tags"][0], []).append(_operation(api, f"{method.upper()} {path}", operation))
    parts = [INTRODUCTION, _contents(by_noun), _problems(api)]
    for noun, sections in by_noun.items():
        parts += [f"## {noun.capitalize()}\n", *sections]
    parts.append("## Answers\n")
    parts += [_schema(api, name) for name in _answered(api)]
    return "\n".join(parts)


def operations(api: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation) of everything in the document."""
    for path, methods in api["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def _contents(nouns: dict[str, list[str]]) -> str:
    return " · ".join(f"[{noun.capitalize()}](#{noun})" for noun in nouns) + "\n"


def _problems(api: dict[str, Any]) -> str:
    _, _, operation = next(operations(api))
    refused = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
    rows = [f"| {status} | {answer['description']} |" for status, answer in sorted(refused.items())]
    table = "\n".join(["| status | meaning |", "|---|---|", *rows]) + "\n"
    return PROBLEMS.format(media=MEDIA_TYPE, table=table, example=_json(refused["422"]["content"][MEDIA_TYPE]))


def _operation(api: dict[str, Any], title: str, operation: dict[str, Any]) -> str:
    parts = [f"### `{title}`\n", f"{operation['description']}\n", f"Scope: `{operation[SCOPE]}`\n"]
    if operation.get("parameters"):
        rows = [
            (f"`{item['name']}`", item["in"], *_about(api, item["schema"], item["required"], item))
            for item in operation["parameters"]
        ]
        parts.append(_table(("parameter", "in", "type", "default", "meaning"), rows))
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        parts += [f"Body (`{kind}`):\n", _fields(api, _resolved(api, media["schema"])), _block(_json(media))]
    parts += [_answer(status, answer) for status, answer in operation["responses"].items() if status < "400"]
    return "\n".join(parts)


def _answer(status: str, answer: dict[str, Any]) -> str:
    if not answer.get("content"):
        return f"Answers `{status}` with no content.\n"
    lines = []
    for kind, media in answer["content"].items():
        named = f"Answers `{status}`, `{kind}`"
        if kind == "application/json":
            lines.append(f"Answers `{status}`: {_linked(media['schema'])}.\n")
        elif isinstance(media.get("example"), str):
            lines += [f"{named}:\n", _block(media["example"].strip(), "text")]
        else:
            lines.append(f"{named}.\n")
    return "\n".join(lines)


def _linked(schema: dict[str, Any]) -> str:
    if schema.get("type") == "array":
        return f"a list of {_linked(schema['items'])}"
    name = schema["$ref"].rpartition("/")[2]
    if name.startswith("Page_"):
        return f"a page of {_link(_item_of(name))}"
    return _link(name)


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _item_of(page: str) -> str:
    return page.removeprefix("Page_").removesuffix("_")


def _answered(api: dict[str, Any]) -> list[str]:
    """Names of the schemas that answers hold, and of what those are made of."""
    found: list[str] = []
    waiting: list[Any] = [
        media.get("schema", {})
        for _, _, operation in operations(api)
        for status, answer in operation["responses"].items()
        if status < "400"
        for media in answer.get("content", {}).values()
    ]
    while waiting:
        for name in _names(waiting.pop(0)):
            if name.startswith("Page_"):
                waiting.append({"$ref": f"#/components/schemas/{_item_of(name)}"})
            elif name not in found and "properties" in api["components"]["schemas"][name]:
                found.append(name)
                waiting.append(api["components"]["schemas"][name])
    return sorted(found)


def _names(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for item in schema:
            yield from _names(item)
    elif isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"].rpartition("/")[2]
        for key, item in schema.items():
            if key not in ("example", "examples"):
                yield from _names(item)


def _schema(api: dict[str, Any], name: str) -> str:
    schema = api["components"]["schemas"][name]
    parts = [f"### {name}\n", *([schema["description"] + "\n"] if "description" in schema else [])]
    parts.append(_fields(api, schema, defaults=False))
    if schema.get("examples"):
        parts.append(_block(json.dumps(schema["examples"][0], indent=2, ensure_ascii=False)))
    return "\n".join(parts)


def _fields(api: dict[str, Any], schema: dict[str, Any], defaults: bool = True) -> str:
    required = schema.get("required", ())
    rows = [(f"`{name}`", *_about(api, item, name in required, item)) for name, item in schema["properties"].items()]
    if defaults:
        return _table(("field", "type", "default", "meaning"), rows)
    return _table(("field", "type", "meaning"), [(name, kind, meaning) for name, kind, _, meaning in rows])


def _about(
    api: dict[str, Any], schema: dict[str, Any], required: bool, described: dict[str, Any]
) -> tuple[str, str, str]:
    """Type, default and meaning of a parameter or a field."""
    default = schema.get("default")
    shown = "required" if required else "—" if default in (None, "", [], {}) else f"`{json.dumps(default)}`"
    meaning = described.get("description") or schema.get("description") or COMMON.get(described.get("name", ""), "")
    kind = _kind(api, schema)
    return kind if required else kind.removesuffix(" or null"), shown, meaning


def _kind(api: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        target = api["components"]["schemas"][name]
        return _kind(api, target) if "enum" in target else _link(name) if name in _answered(api) else name
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return " or ".join(dict.fromkeys(_kind(api, item) for item in schema[several]))
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        items = schema.get("items") or {}
        return f"list of {_kind(api, items)}" if items else "list"
    words = {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "object"}
    formats = {"date-time": "date and time", "binary": "bytes"}
    kind = formats.get(schema.get("format", "")) or words.get(schema.get("type", ""), schema.get("type", "anything"))
    return kind + _bounds(schema)


def _bounds(schema: dict[str, Any]) -> str:
    words = {
        "minimum": "at least {}",
        "maximum": "at most {}",
        "minLength": "at least {} long",
        "maxLength": "at most {} long",
        "pattern": "as `{}`",
    }
    found = [phrase.format(_number(schema[name])) for name, phrase in words.items() if name in schema]
    return f", {', '.join(found)}" if found else ""


def _number(bound: Any) -> Any:
    return int(bound) if isinstance(bound, float) and bound.is_integer() else bound


def _resolved(api: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = api["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _table(headings: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(headings) + " |", "|" + "---|" * len(headings)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _json(media: dict[str, Any]) -> str:
    return json.dumps(media["example"], indent=2, ensure_ascii=False)


def _block(text: str, language: str = "json") -> str:
    return f"```{language}\n{text}\n```\n"
