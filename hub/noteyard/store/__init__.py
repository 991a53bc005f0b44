"""The database: tables, migrations and the queries of each noun."""

from noteyard.store.database import Database

__all__ = ["Database"]
