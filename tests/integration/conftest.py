"""What tests of several files begin with."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.support.app import api
from tests.support.rows import add_person


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    """The API, with one person, ada. A file that needs others has a fixture of its own by this name."""
    with api(tmp_path) as app:
        with app.state.database.write() as session:
            add_person(session, "ada")
        yield app
