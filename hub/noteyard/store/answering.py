"""Waiting for a database server that is not there yet, or not any more."""

import sys
import time
from collections.abc import Callable

from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from noteyard.store.database import connect_args

PAUSE = 2.0


def until_it_answers(work: Callable[[], None]) -> None:
    """Do the work, again and again for as long as its database does not answer; says so on standard error."""
    while True:
        try:
            return work()
        except OperationalError as error:
            sys.stderr.write(f"The database does not answer: {error.orig}. Trying again.\n")
            time.sleep(PAUSE)


def connect_once(url: str) -> None:
    """Raises OperationalError when the database of this SQLAlchemy URL can't be connected to."""
    engine = create_engine(url, connect_args=connect_args(url))
    try:
        engine.connect().close()
    finally:
        engine.dispose()
