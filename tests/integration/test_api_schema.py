"""The API against its own OpenAPI document: whatever is sent, it answers as the document says, and never with a 5xx."""

from collections.abc import Iterator

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
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
        client.post("/api/v1/runs", json={"release": release})
        client.post("/api/v1/schedules", json={"name": "s", "release": release, "cron": "0 6 * * *"})
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
