"""What tests of several files begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tests.support.app import api, browser
from tests.support.rows import add_person


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    """The API, with a few people. A file that needs others has a fixture of its own by this name."""
    with api(tmp_path) as app:
        with app.state.database.write() as session:
            add_person(session, "ada")
            add_person(session, "bob", "sales")
            add_person(session, "eve")
            add_person(session, "root", admin=True)
        yield app


@pytest.fixture
def ada(app: FastAPI) -> TestClient:
    return browser(app, "ada")


@pytest.fixture
def bob(app: FastAPI) -> TestClient:
    return browser(app, "bob")


@pytest.fixture
def root(app: FastAPI) -> TestClient:
    return browser(app, "root")
