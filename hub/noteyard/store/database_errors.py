"""What a database refuses, as a sentence with a next step."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DatabaseError, OperationalError

from noteyard.errors import Unavailable

ON_DISK = (
    "Look whether this account may write to it and to its folder, and whether the disk has room; a damaged one comes "
    "back by noteyard restore."
)
ON_A_SERVER = "Correct database_url (server, database, user, password), or start PostgreSQL, and try again."


@contextmanager
def telling_of_database(url: str) -> Iterator[None]:
    """Raise Unavailable where the database of this SQLAlchemy URL can't be opened, read or written."""
    try:
        yield
    except DatabaseError as error:
        # Its other kinds are mistakes in a statement or its values: ours, with a traceback.
        if type(error) not in (DatabaseError, OperationalError):
            raise
        raise _in_words(error, url) from None


def _in_words(error: DatabaseError, url: str) -> Unavailable:
    reason = str(error.orig).strip().splitlines()[0].rstrip(".")
    if url.startswith("sqlite"):
        return Unavailable(f"The database {url.partition(':///')[2]} can't be used: {reason}.", ON_DISK)
    return Unavailable(f"The database can't be used: {reason}.", ON_A_SERVER)
