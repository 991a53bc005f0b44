"""Migrations, run at start under a lock, so that parts that start together do not collide.

Migrations only add: during an upgrade the parts of the version before go on with the newer schema, and after it a
rollback brings them back to it.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from noteyard.store.database import Database

log = structlog.get_logger(__name__)

POSTGRES_LOCK = 6_781_334  # any number, the same in every process


def migrate(database: Database, lock_folder: Path | None = None) -> None:
    """Bring the database to the newest schema, or leave it at a newer version's.

    `lock_folder` holds the lock file where the database has no locks.
    """
    with _lock(database, lock_folder), database.engine.connect() as connection:
        newer = _of_a_newer_version(connection)
        if newer:
            log.warning("the database's schema is a newer version's; this one goes on with it", revision=newer)
            return
        _wait_for_locks(connection)
        upgrade(connection)
        connection.commit()


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run migrations on an open connection."""
    command.upgrade(config(connection), revision)


def config(connection: Connection) -> Config:
    """Alembic's configuration for an open connection."""
    configuration = Config()
    configuration.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    configuration.attributes["connection"] = connection
    return configuration


def _of_a_newer_version(connection: Connection) -> str | None:
    """The database's revision, where this version does not know it."""
    found = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(config(connection)).walk_revisions()}
    return None if found in known else found


def _wait_for_locks(connection: Connection) -> None:
    """However long, in this transaction: another part's migration, or a dump of a table, may take its time."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL lock_timeout = 0"))


@contextmanager
def _lock(database: Database, folder: Path | None) -> Iterator[None]:
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect() as connection:
            _wait_for_locks(connection)
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": POSTGRES_LOCK})
            connection.commit()
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": POSTGRES_LOCK})
                connection.commit()
        return
    if folder is None:
        yield
        return
    with (folder / "migrate.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
