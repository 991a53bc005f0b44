"""Migrations that carry over what is there, not only tables."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from noteyard.store import Database
from noteyard.store.migrate import migrate, upgrade
from sqlalchemy import text

DASHBOARD = """
INSERT INTO dashboards (id, slug, title, description, owner, publisher, audience, reads_viewer, parameters, awake,
    starts, failures, created)
VALUES ('d1', 'sales', 'Sales', '', 'ada', 'ada', 'me', 0, '{"n": 2}', 0, 0, 0, 0)
"""
VERSION = """
INSERT INTO dashboard_versions (dashboard, number, release, state, published_by, created, has_card)
VALUES ('d1', 1, 'r1', 'good', 'ada', 0, 0)
"""


def test_a_dashboards_parameters_become_those_of_its_versions(tmp_path: Path) -> None:
    path = tmp_path / "noteyard.sqlite"
    database = Database(f"sqlite:///{path}")
    with database.engine.connect() as connection:
        upgrade(connection, "0002")
        connection.commit()
    with closing(sqlite3.connect(path)) as plain, plain:
        plain.execute(DASHBOARD)
        plain.execute(VERSION)
    migrate(database, tmp_path)
    with database.engine.connect() as connection:
        [found] = connection.execute(text("SELECT parameters FROM dashboard_versions")).scalars()
    database.close()
    assert json.loads(found) == {"n": 2}
