"""Migrations that carry over what is there, not only tables."""

import ast
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from noteyard.store import Database, migrations
from noteyard.store.migrate import migrate, upgrade
from noteyard.store.tables import Message, Run
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

PERSON = """
INSERT INTO people (name, registered, refused, login_epoch, must_change_password, admin, disabled, hub_cleared, created)
VALUES ('ada', true, false, 0, false, false, false, true, '2026-11-22 06:00:00')
"""
RELEASE_OF_RUNS = RELEASE.replace("0, 0)", "0, '2026-11-22 06:00:00')")
SCHEDULE = """
INSERT INTO schedules (id, name, owner, release, cron, timezone, parameters, catch_up, catch_up_window, overlap,
    retries, alerts, paused, failing, created)
VALUES ('c1', 'nightly', 'ada', 'r1', '0 6 * * *', 'Europe/Berlin', '{}', 'last', 60, 'skip', 0, '{}', false, false,
    '2026-11-22 06:00:00')
"""
RUN = """
INSERT INTO runs (id, release, notebook, owner, state, target, parameters, schedule, retries, retries_used, attempt,
    not_before, created, cells_done, request_id)
VALUES ('{id}', 'r1', 'a.ipynb', 'ada', 'queued', 'run', '{{}}', {schedule}, 0, 0, 0, '2026-11-22 06:00:00',
    '2026-11-22 06:00:00', 0, '')
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


def older_of_the_kind(database: Database, folder: Path, revision: str, *rows: str) -> Database:
    """The same for the kind of database that a test goes through; the rows' instants are UTC."""
    if database.engine.dialect.name == "postgresql":
        url = database.engine.url.render_as_string(hide_password=False)
        empty(url)
    else:
        url = f"sqlite:///{folder / 'older.sqlite'}"
    older = Database(url)
    with older.engine.connect() as connection:
        upgrade(connection, revision)
        connection.commit()
    write(older, *rows)
    return older


def write(database: Database, *rows: str) -> None:
    postgresql = database.engine.dialect.name == "postgresql"
    with database.engine.connect() as connection:
        for row in rows:
            connection.exec_driver_sql(row.replace(":00'", ":00+00'") if postgresql else row)
        connection.commit()


def test_a_message_that_waits_knows_its_schedule(database: Database, tmp_path: Path) -> None:
    older = older_of_the_kind(database, tmp_path, "0003", MESSAGE)
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


def test_a_run_of_before_has_its_schedules_time_zone(database: Database, tmp_path: Path) -> None:
    runs = (RUN.format(id="x1", schedule="'c1'"), RUN.format(id="x2", schedule="NULL"))
    older = older_of_the_kind(database, tmp_path, "0005", PERSON, RELEASE_OF_RUNS, SCHEDULE, *runs)
    migrate(older, tmp_path)
    # A part that is not updated yet writes as before.
    write(older, RUN.format(id="x3", schedule="'c1'"))
    with older.read() as session:
        zones = {run.id: run.timezone for run in session.scalars(select(Run))}
    older.close()
    assert zones == {"x1": "Europe/Berlin", "x2": None, "x3": None}
