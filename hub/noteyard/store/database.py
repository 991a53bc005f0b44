"""The engine and its transactions, the same on SQLite (WAL) and PostgreSQL."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event, make_url, select
from sqlalchemy.orm import Session, sessionmaker

BUSY_SECONDS = 30
"""How long one waits for what another holds, and how long another may hold it and say nothing."""
CONNECT_SECONDS = 5
SILENT_SECONDS = 15
Row = TypeVar("Row", bound=Any)


class Database:
    """Sessions over one engine.

    `read()` gives a session for reading, `write()` one transaction that commits at the end of its block and rolls
    back on an error. Rows stay usable after the block (nothing expires on commit).
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self._reading = sessionmaker(self.engine, expire_on_commit=False)
        self._writing = sessionmaker(self.engine.execution_options(noteyard_write=True), expire_on_commit=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        with self._reading() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        with self._writing() as session, session.begin():
            yield session

    def close(self) -> None:
        self.engine.dispose()


def by_id(session: Session, kind: type[Row], ids: Collection[str]) -> dict[str, Row]:
    """Rows of a table by their column `id`, in one query; ids that do not exist are left out."""
    column = kind.__table__.c.id
    return {row.id: row for row in session.scalars(select(kind).where(column.in_(ids)))} if ids else {}


@cache
def shared_database(url: str) -> Database:
    """One Database a URL in this process: for parts that JupyterHub makes many of, from configuration it copies."""
    return Database(url)


def connect_args(url: str) -> dict[str, Any]:
    """What every engine of a PostgreSQL URL is made with: a server that went without a word is given up in seconds.

    The system alone would go on for a quarter of an hour. What the URL says itself stays as it is.
    """
    if url.startswith("sqlite"):
        return {}
    limits = {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": SILENT_SECONDS * 1000,  # nobody acknowledges what was sent
        "keepalives": 1,  # nobody is there while an answer is waited for
        "keepalives_idle": SILENT_SECONDS // 3,
        "keepalives_interval": SILENT_SECONDS // 3,
        "keepalives_count": 2,
    }
    given = make_url(url).query
    return {name: limit for name, limit in limits.items() if name not in given}


def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        engine = create_engine(url, connect_args=connect_args(url), pool_pre_ping=True, pool_size=5, max_overflow=20)
        event.listen(engine, "connect", _prepare_postgres)
        return engine
    engine = create_engine(
        url, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False}, pool_size=8, max_overflow=32
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_postgres(connection: Any, _record: Any) -> None:
    # By a statement: poolers and proxies in front of PostgreSQL refuse these among a connection's options.
    connection.autocommit = True
    for limit in ("lock_timeout", "idle_in_transaction_session_timeout"):
        connection.execute("SELECT set_config(%s, %s, false)", (limit, f"{BUSY_SECONDS}s"))
    connection.autocommit = False


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # pysqlite's own transaction handling begins late and commits early; ours begins in _begin_sqlite.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # A reading transaction that turns into a writing one fails at once when another wrote in between, whatever the
    # timeout: https://www.sqlite.org/lang_transaction.html
    immediate = connection.get_execution_options().get("noteyard_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
