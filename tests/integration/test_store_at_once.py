"""The same row wanted by two transactions at once, which only PostgreSQL lets happen."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest
from noteyard.errors import Conflict
from noteyard.store import Database
from noteyard.store.migrate import migrate
from noteyard.store.people import create_person
from noteyard.store.s3_keys import key_for_person, key_for_run
from noteyard.store.tables import ReleaseOwner, Run
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from tests.conftest import empty
from tests.support.rows import add_person, add_run, add_some_release
from tests.support.waiting import until

Made = TypeVar("Made")
PASSWORD = "correct horse battery"
WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")


@pytest.fixture
def database(postgres_url: str, tmp_path: Path) -> Iterator[Database]:
    empty(postgres_url)
    database = Database(postgres_url)
    migrate(database, tmp_path)
    yield database
    database.close()


def both(database: Database, make: Callable[[Session], Made]) -> tuple[Made, Callable[[], Made]]:
    """What the first transaction makes, and what the second gets, which began before the first had ended."""

    def second() -> Made:
        with database.write() as session:
            return make(session)

    def waits() -> bool:
        with database.read() as session:
            return bool(session.scalar(WAITING) == 1)

    with ThreadPoolExecutor(1) as threads:
        with database.write() as session:
            first = make(session)
            session.flush()
            other = threads.submit(second)
            until(waits, 20, "the second transaction")
        return first, lambda: other.result(20)


def test_of_two_people_of_one_name_the_second_is_refused_in_words(database: Database) -> None:
    first, second = both(database, lambda session: create_person(session, "ada", PASSWORD))
    assert first.name == "ada"
    with pytest.raises(Conflict, match=r"There is already a person named 'ada'\. Choose another name\."):
        second()


def test_the_same_content_by_one_or_two_people_is_one_release(database: Database) -> None:
    with database.write() as session:
        for name in ("ada", "bob"):
            add_person(session, name)
    first, second = both(database, lambda session: add_some_release(session, "ada"))
    assert second().id == first.id
    owners = iter(("ada", "bob"))
    first, second = both(database, lambda session: add_some_release(session, next(owners), "other.ipynb"))
    assert second().id == first.id
    with database.read() as session:
        owned = select(ReleaseOwner.person).where(ReleaseOwner.release == first.id)
        assert sorted(session.scalars(owned)) == ["ada", "bob"]


def test_keys_are_made_once(database: Database) -> None:
    with database.write() as session:
        add_person(session, "ada")
        run = add_run(session, add_some_release(session, "ada"), "ada").id
    first, second = both(database, lambda session: key_for_person(session, "ada"))
    assert second().access_key == first.access_key
    first, second = both(database, lambda session: key_for_run(session, session.get_one(Run, run)))
    assert second().access_key == first.access_key
