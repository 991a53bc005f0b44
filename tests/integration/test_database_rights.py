"""A PostgreSQL role that may not make tables: said in a sentence, by the command and by what migrates on Kubernetes."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from tests.support.command import environment, noteyard

SAID = (
    "The database can't be used: permission denied for schema public. Make the role in database_url the owner of its "
    "database (ALTER DATABASE … OWNER TO …), and of what is in it, and try again."
)


def run(url: str, *statements: str) -> None:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


@pytest.fixture
def guests(postgres_url: str) -> Iterator[str]:
    """URL of a database by a role that may connect to it, and no more."""
    ours = make_url(postgres_url).set(database="guests").render_as_string(hide_password=False)
    run(postgres_url, "CREATE ROLE guest LOGIN", "CREATE DATABASE guests")
    run(ours, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    yield make_url(ours).set(username="guest").render_as_string(hide_password=False)
    run(postgres_url, "DROP DATABASE guests WITH (FORCE)", "DROP ROLE guest")


def test_a_role_that_may_not_make_tables_is_told_what_it_lacks(guests: str, postgres_url: str, tmp_path: Path) -> None:
    (tmp_path / "noteyard.yaml").write_text(f"database_url: {guests}\n")
    assert noteyard(tmp_path, "user", "list", code=1).strip() == SAID
    migration = [sys.executable, "-m", "noteyard.store"]
    done = subprocess.run(migration, env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.strip()) == (1, SAID)
    run(postgres_url, "ALTER DATABASE guests OWNER TO guest")
    assert "NAME" in noteyard(tmp_path, "user", "list").upper()
