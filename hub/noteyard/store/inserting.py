"""Two transactions that want the same row at once: the second one waits, and finds what the first has made."""

import hashlib

from sqlalchemy import func, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from noteyard.store.tables import Base


def insert_once(session: Session, row: Base) -> bool:
    """Add a row unless there is one with its primary key by now; whether it was added."""
    try:
        with session.begin_nested():
            session.add(row)
            session.flush()
    except IntegrityError:
        key = inspect(type(row)).primary_key_from_instance(row)
        if session.get(type(row), tuple(key), populate_existing=True) is None:
            raise
        return False
    return True


def wait_for_turn(session: Session, *words: str) -> None:
    """Wait while another transaction holds the same words; they are held until this one ends.

    For rows that are one of a kind without a key that says so. SQLite's writers are alone anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        digest = hashlib.sha256("\0".join(words).encode()).digest()
        session.execute(select(func.pg_advisory_xact_lock(int.from_bytes(digest[:8], signed=True))))
