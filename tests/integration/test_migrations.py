"""Migrations that carry over what is there, not only tables."""

import ast
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from noteyard.store import Database, migrations
from noteyard.store.migrate import migrate, upgrade
from noteyard.store.tables import Message
from sqlalchemy import select, text
from structlog.testing import capture_logs

from tests.conftest import empty

MIGRATIONS = Path(migrations.__path__[0]) / "versions"
DASHBOARD = """
INSERT INTO dashboards (id, slug, title, description, owner, publisher, audience, reads_viewer, parameters, awake,
    starts, failures, created)
VALUES ('d1', 'sales', 'Sales', '', 'ada', 'ada', 'me', 0, '{"n": 2}', 0, 0, 0, 0)
"""
VERSION = """
INSERT INTO dashboard_versions (dashboard, number, release, state, published_by, created, has_card)
VALUES ('d1', 1, 'r1', 'good', 'ada', 0, 0)
"""
MESSAGE = """
INSERT INTO outbox (dedupe, channel, recipient, payload, created, tries, next_try, error)
VALUES ('x', 'mail', 'ada@example.org', '{"schedule": "c1"}', '2026-11-22 06:00:00', 3, '2026-11-22 06:01:00', 'away')
"""

RELEASE = """
INSERT INTO releases (id, notebook, profile, files, parameter_schema, notes, size, created)
VALUES ('r1', 'a.ipynb', 'default', '[]', '{}', '[]', 0, 0)
"""


def older_database(folder: Path, revision: str, *rows: str) -> Database:
    """A SQLite database as it was at a revision, with rows that were written then."""
    path = folder / "noteyard.sqlite"
    database = Database(f"sqlite:///{path}")
    with database.engine.connect() as connection:
        upgrade(connection, revision)
        connection.commit()
    with closing(sqlite3.connect(path)) as plain, plain:
        for row in rows:
            plain.execute(row)
    return database


def test_a_dashboards_parameters_become_those_of_its_versions(tmp_path: Path) -> None:
    database = older_database(tmp_path, "0002", DASHBOARD, VERSION)
    migrate(database, tmp_path)
    with database.engine.connect() as connection:
        [found] = connection.execute(text("SELECT parameters FROM dashboard_versions")).scalars()
    database.close()
    assert json.loads(found) == {"n": 2}


def test_a_message_that_waits_knows_its_schedule(database: Database, tmp_path: Path) -> None:
    if database.engine.dialect.name == "postgresql":
        url = database.engine.url.render_as_string(hide_password=False)
        empty(url)
    else:
        url = f"sqlite:///{tmp_path / 'older.sqlite'}"
    older = Database(url)
    with older.engine.connect() as connection:
        upgrade(connection, "0003")
        connection.execute(
            text(MESSAGE.replace(":00'", ":00+00'") if older.engine.dialect.name == "postgresql" else MESSAGE)
        )
        connection.commit()
    migrate(older, tmp_path)
    with older.read() as session:
        message = session.scalars(select(Message)).one()
        assert (message.schedule, message.failed, message.tries) == ("c1", None, 3)
    older.close()


def test_a_release_of_before_remembers_no_image(tmp_path: Path) -> None:
    database = older_database(tmp_path, "0004", RELEASE)
    migrate(database, tmp_path)
    with database.engine.connect() as connection:
        found = connection.execute(text("SELECT id, image FROM releases")).all()
        images = connection.execute(text("SELECT count(*) FROM profile_images")).scalar_one()
    database.close()
    assert [tuple(row) for row in found] == [("r1", None)]
    assert images == 0


def test_a_version_of_before_goes_on_with_a_newer_schema(database: Database, tmp_path: Path) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with capture_logs() as said:
        migrate(database, tmp_path)
    assert [(line["event"], line["revision"]) for line in said] == [
        ("the database's schema is a newer version's; this one goes on with it", "9999")
    ]
    with database.read() as session:
        assert session.scalar(select(Message)) is None
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


@pytest.mark.parametrize("path", sorted(MIGRATIONS.glob("0*.py")), ids=lambda path: path.stem)
def test_migrations_only_add(path: Path) -> None:
    """What takes away or narrows would break the version of before, which runs beside the new one for a while."""
    [body] = [node for node in ast.parse(path.read_text()).body if getattr(node, "name", "") == "upgrade"]
    calls = [node for node in ast.walk(body) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    names = {call.func.attr for call in calls if isinstance(call.func, ast.Attribute)}
    assert not names & {"drop_column", "drop_table", "drop_constraint", "alter_column", "rename_table"}
    for call in calls:
        if isinstance(call.func, ast.Attribute) and call.func.attr == "add_column":
            column = ast.unparse(call.args[-1])
            assert "nullable=True" in column or "server_default=" in column, column
