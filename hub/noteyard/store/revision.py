"""Whether anything was committed to the database: the one question that is cheaper than any other."""

import asyncio
from typing import Any

from noteyard.store.database import Database


class Revision:
    """`current()` gives equal values only when nothing was committed between the two calls, by any process."""

    def __init__(self, database: Database) -> None:
        self._engine = database.engine
        self._sqlite = database.engine.dialect.name == "sqlite"
        self._own: Any = None

    async def current(self) -> object:
        """The database's state as a value to compare. Read it before what is to be remembered."""
        # SQLite looks into shared memory, some microseconds; PostgreSQL is asked over a connection.
        return self._of_sqlite() if self._sqlite else await asyncio.to_thread(self._of_postgres)

    def close(self) -> None:
        """Give the connection back."""
        if self._own is not None:
            self._own.close()
            self._own = None

    def _of_sqlite(self) -> object:
        # It counts what other connections commit, so this one never writes: https://www.sqlite.org/pragma.html
        if self._own is None:
            self._own = self._engine.raw_connection()
        return self._own.driver_connection.execute("PRAGMA data_version").fetchone()[0]

    def _of_postgres(self) -> object:
        # A snapshot says which transactions' rows are seen: two equal ones see the same.
        with self._engine.connect() as connection:
            return connection.exec_driver_sql("SELECT pg_current_snapshot()::text").scalar_one()
