"""What a database refuses, as a sentence with a next step."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DatabaseError, OperationalError, ProgrammingError

from noteyard.errors import Unavailable

ON_DISK = (
    "Look whether this account may write to it and to its folder, and whether the disk has room; a damaged one comes "
    "back by noteyard restore."
)
ON_A_SERVER = "Correct database_url (server, database, user, password), or start PostgreSQL, and try again."
NOT_ITS_OWN = (
    "Make the role in database_url the owner of its database (ALTER DATABASE … OWNER TO …), and of what is in it, and "
    "try again."
)
INSUFFICIENT_PRIVILEGE = "42501"


@contextmanager
def telling_of_database(url: str) -> Iterator[None]:
    """Raise Unavailable where the database of this SQLAlchemy URL can't be opened, read or written."""
    try:
        yield
    except DatabaseError as error:
        if not _by_the_database(error):
            raise
        raise _in_words(error, url) from None


def _by_the_database(error: DatabaseError) -> bool:
    """Its other kinds are mistakes in a statement or its values: ours, with a traceback."""
    return type(error) in (DatabaseError, OperationalError) or _lacks_rights(error)


def _lacks_rights(error: DatabaseError) -> bool:
    return isinstance(error, ProgrammingError) and getattr(error.orig, "sqlstate", None) == INSUFFICIENT_PRIVILEGE


def _in_words(error: DatabaseError, url: str) -> Unavailable:
    reason = str(error.orig).strip().splitlines()[0].rstrip(".")
    if url.startswith("sqlite"):
        return Unavailable(f"The database {url.partition(':///')[2]} can't be used: {reason}.", ON_DISK)
    return Unavailable(f"The database can't be used: {reason}.", NOT_ITS_OWN if _lacks_rights(error) else ON_A_SERVER)
