"""Migrations, run at start under a lock, so that parts that start together do not collide."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from noteyard.store.database import Database

POSTGRES_LOCK = 6_781_334  # any number, the same in every process


def migrate(database: Database, lock_folder: Path | None = None) -> None:
    """Bring the database to the newest schema. `lock_folder` holds the lock file where the database has no locks."""
    with _lock(database, lock_folder), database.engine.connect() as connection:
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


@contextmanager
def _lock(database: Database, folder: Path | None) -> Iterator[None]:
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect() as connection:
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
