"""The embedded S3's key store over the database."""

from noteyard.api.s3_guard import S3Key
from noteyard.store import Database
from noteyard.store.s3_keys import find_key


class DatabaseKeys:
    """Looks a key up on every request, so that a revoked one stops at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, access_key: str) -> S3Key | None:
        with self._database.read() as session:
            row = find_key(session, access_key)
        return S3Key(row.access_key, row.secret, row.grants) if row is not None else None
