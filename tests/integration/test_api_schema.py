"""The API against its own OpenAPI document: whatever is sent, it answers as the document says, and never with a 5xx."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from noteyard.api.identity import current_person
from noteyard.api.openapi import SCOPE
from noteyard.domain import Person
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.app import HUB, api, browser
from tests.support.rows import add_person
from tests.support.upload import release_of

CHECKS = (
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The API with one of everything, so that some generated requests find what they name."""
    with api(tmp_path_factory.mktemp("schema")) as app:
        with app.state.database.write() as session:
            add_person(session, "root", admin=True)
            add_person(session, "ada", "sales")
        client = browser(app, "root")
        release = release_of(client, "print(n)", parameters="n: int = 1")
        run = client.post("/api/v1/runs", json={"release": release}).json()["id"]
        schedule = client.post("/api/v1/schedules", json={"name": "s", "release": release, "cron": "0 6 * * *"}).json()
        app.state.things = {"releases": release, "runs": run, "schedules": schedule["id"], "dashboards": "sales"}
        client.post("/api/v1/dashboards", json={"release": release, "slug": "sales", "title": "Sales"})
        app.state.cookies = dict(client.cookies)
        yield app


@pytest.fixture(scope="module")
def document(app: FastAPI) -> schemathesis.BaseSchema:
    return schemathesis.openapi.from_asgi("/api/v1/openapi.json", app)


def test_every_answer_is_as_the_document_says(document: schemathesis.BaseSchema, app: FastAPI) -> None:
    problems = []
    for result in document.exclude(path_regex="/events$").get_all_operations():
        operation = result.ok()
        try:
            _try(operation, app)
        except (AssertionError, BaseExceptionGroup, schemathesis.errors.SchemathesisError) as error:
            problems.append(f"{operation.label}: {error}")
    assert not problems, "\n\n".join(problems)


def _try(operation: schemathesis.APIOperation, app: FastAPI) -> None:
    @given(case=operation.as_strategy())
    @settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), database=None)
    def answers(case: schemathesis.Case) -> None:
        case.call_and_validate(headers={"Origin": HUB}, cookies=app.state.cookies, base_url=HUB, checks=CHECKS)

    answers()


def test_every_operation_is_described(app: FastAPI) -> None:
    for path, operations in app.openapi()["paths"].items():
        for method, operation in operations.items():
            assert operation.get("description"), f"{method} {path} says nothing of what it does"
            assert operation.get("tags"), f"{method} {path} has no tag"


def test_every_body_and_every_answer_has_an_example_that_fits_its_schema(app: FastAPI) -> None:
    document = app.openapi()
    wrong = []
    for place, media in _media(document):
        schema = media.get("schema", {})
        if schema.get("format") == "binary":
            continue
        if "example" not in media or not schema:
            wrong.append(f"{place}: no schema or no example")
            continue
        whole = Draft202012Validator(
            {**schema, "components": document["components"]}, format_checker=Draft202012Validator.FORMAT_CHECKER
        )
        wrong += [f"{place}: {error.json_path}: {error.message}" for error in whole.iter_errors(media["example"])]
    assert not wrong, "\n".join(wrong)


def _media(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            bodies = [("body", operation["requestBody"])] if "requestBody" in operation else []
            for what, content in [*bodies, *operation["responses"].items()]:
                assert content.get("content") or what in ("204",), f"{method} {path} {what} says nothing of its content"
                for kind, media in content.get("content", {}).items():
                    yield f"{method} {path} {what} {kind}", media


@pytest.mark.parametrize("scopes", [{"read"}, {"read", "write"}], ids=["read", "read write"])
def test_the_scope_of_every_operation_is_as_the_document_says(app: FastAPI, scopes: set[str]) -> None:
    asking = Person("root", frozenset(), True, frozenset(scopes))
    app.dependency_overrides[current_person] = lambda: asking
    client = TestClient(app, base_url=HUB, raise_server_exceptions=False)
    operations = [(m, p, o) for p, methods in app.openapi()["paths"].items() for m, o in methods.items()]
    try:
        for method, path, operation in sorted(operations, key=lambda found: found[0] == "delete"):
            # Events go on until the run is over; a wrong old password is refused with 403 whatever the scope.
            if path.endswith(("/events", "/me/password")):
                continue
            refused = _ask(client, app, method, path, operation).status_code == 403
            assert refused == (operation[SCOPE] not in {"any", *scopes}), f"{method} {path}: {operation[SCOPE]}"
    finally:
        del app.dependency_overrides[current_person]


def _ask(client: TestClient, app: FastAPI, method: str, path: str, operation: dict[str, Any]) -> Response:
    thing = app.state.things.get(operation["tags"][0], "")
    path = path.replace("{id}", thing).replace("{slug}", thing).replace("{path}", "missing.py")
    path = path.replace("{name}", "nobody")
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
    if body and "release" in body:
        body = {**body, "release": app.state.things["releases"], "parameters": {}}
    return client.request(method, path, json=body)
