"""The OpenAPI document as it is served: FastAPI's own, with examples, problem documents and the scopes needed."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from noteyard.api.examples import BY_SCHEMA, CURSORS, NOTEBOOK, PROBLEMS, TEXTS, problem_of
from noteyard.api.problems import MEDIA_TYPE

SCOPE = "x-noteyard-scope"
"""In each operation: `read`, `write`, `admin` (for administrators), or `any` (whoever is logged in)."""

ANY_SCOPE = frozenset(
    {
        ("get", "/api/v1/me"),
        ("get", "/api/v1/profiles"),
        ("get", "/api/v1/usage"),
        ("post", "/api/v1/me/password"),
        ("post", "/api/v1/parameters/inspect"),
        ("post", "/api/v1/schedules/preview"),
    }
)
READS = frozenset({("post", "/api/v1/dashboards/{slug}/wake")})
WRITES = frozenset({("get", "/api/v1/dashboards/{slug}/log")})
"""Exceptions from the rule that GET reads and all else writes."""


def install(app: FastAPI) -> None:
    """Serve the finished document instead of FastAPI's."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(
                title=app.title, version=app.version, description=app.description, routes=app.router.routes
            )
            app.openapi_schema = finished(made)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def finished(document: dict[str, Any]) -> dict[str, Any]:
    """The document, completed in place."""
    schemas = document["components"]["schemas"]
    for name, example in BY_SCHEMA.items():
        schemas[name]["examples"] = [example]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            operation[SCOPE] = scope_of(method, path)
            for media in operation.get("requestBody", {}).get("content", {}).values():
                if "example" not in media:
                    media["example"] = example_of(media["schema"])
            for status, answer in operation["responses"].items():
                _complete(answer, status, path)
    return document


def scope_of(method: str, path: str) -> str:
    """The scope that a token needs for an operation."""
    if (method, path) in ANY_SCOPE:
        return "any"
    if path.startswith(("/api/v1/people", "/api/v1/audit")):
        return "admin"
    reads = (method == "get" or (method, path) in READS) and (method, path) not in WRITES
    return "read" if reads else "write"


def example_of(schema: dict[str, Any]) -> Any:
    """An example of a body or an answer; KeyError when its schema has none in `examples.py`."""
    if schema.get("type") == "array":
        return [example_of(schema["items"])]
    name = schema["$ref"].rpartition("/")[2]
    if name.startswith("Page_"):
        item = name.removeprefix("Page_").removesuffix("_")
        example = BY_SCHEMA[item]
        return {"items": [example], "next": CURSORS.get(item) or example["id"]}
    return BY_SCHEMA[name]


def _complete(answer: dict[str, Any], status: str, path: str) -> None:
    if status in PROBLEMS:
        # FastAPI files the model under the media type that the route answers when all is well.
        media = {"schema": {"$ref": "#/components/schemas/Problem"}, "example": problem_of(status)}
        answer["content"] = {MEDIA_TYPE: media}
        return
    for kind, media in answer.get("content", {}).items():
        if path in TEXTS:
            media["example"] = TEXTS[path]
        elif kind == "application/json":
            media["example"] = example_of(media["schema"])
        elif kind == "application/x-ipynb+json":
            media["example"] = NOTEBOOK
        elif kind == "text/html":
            media["example"] = "<!doctype html>\n<title>report.ipynb</title>\n…"
