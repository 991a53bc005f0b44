"""Lists of releases, and how far schedules are behind their owners' newest ones, on both databases."""

from datetime import timedelta
from itertools import chain

from noteyard.domain import CatchUpPolicy, OverlapPolicy
from noteyard.schedule_changes import Plan, create_schedule
from noteyard.store import Database
from noteyard.store.releases import list_releases, made_by, newer_releases, place_of
from noteyard.store.tables import ReleaseOwner
from noteyard.store.types import now
from sqlalchemy.orm import Session

from tests.support.rows import add_person, add_some_release


def test_newer_releases_are_counted_by_schedule(database: Database) -> None:
    rule = {"cron": "0 6 * * *", "timezone": "UTC", "parameters": {}, "retries": 0, "timeout": None}
    policies = {"catch_up": CatchUpPolicy.LAST, "catch_up_window": 86400, "overlap": OverlapPolicy.SKIP, "alerts": {}}
    with database.write() as session:
        add_person(session, "ada")
        add_person(session, "bob")
        releases = [add_some_release(session, "ada", parameters=f"n: int = {number}") for number in range(3)]
        add_some_release(session, "bob", parameters="n: int = 9")
        add_some_release(session, "ada", name="other.ipynb")
        for age, release in zip((30, 20, 10), releases, strict=True):
            release.created = now() - timedelta(minutes=age)
        ids = [
            create_schedule(session, Plan(name="s", release=release, **rule, **policies), "ada").id
            for release in releases
        ]
        newest = releases[2].id
        assert newer_releases(session, *ids) == {ids[0]: (2, newest), ids[1]: (1, newest)}
        assert newer_releases(session) == {}


def make(session: Session, owner: str, number: int, minutes_ago: float, name: str = "report.ipynb") -> str:
    """A release that its owner made so long ago; returns its id."""
    release = add_some_release(session, owner, name, parameters=f"n: int = {number}")
    session.flush()
    session.get_one(ReleaseOwner, (release.id, owner)).created = now() - timedelta(minutes=minutes_ago)
    return release.id


def pages(session: Session, owner: str | None, limit: int, notebook: str | None = None) -> list[list[str]]:
    found: list[list[str]] = []
    cursor = None
    while True:
        page = list_releases(session, owner, notebook, cursor, limit)
        found.append([release.id for release, _ in page[:limit]])
        if len(page) <= limit:
            return found
        cursor = place_of(*page[limit - 1])


def test_a_release_that_is_made_again_is_the_newest_of_who_made_it(database: Database) -> None:
    with database.write() as session:
        add_person(session, "ada")
        add_person(session, "bob")
        first, second, third = (make(session, "ada", number, 30 - number) for number in range(3))
        make(session, "bob", 1, 20)
        make(session, "bob", 2, 10)
        make(session, "ada", 0, 1)
    with database.read() as session:
        assert pages(session, "ada", 10) == [[first, third, second]]
        assert pages(session, "bob", 10) == [[third, second]]
        assert pages(session, None, 10) == [[third, second, first]], "of all, as they came to be"
        release, made = list_releases(session, "ada")[0]
        assert made == made_by(session, release, "ada") != release.created
        assert made_by(session, release, "bob") == release.created


def test_pages_of_releases_hold_each_once_though_one_is_made_again_meanwhile(database: Database) -> None:
    moment = now()
    with database.write() as session:
        add_person(session, "ada")
        ids = [make(session, "ada", number, number) for number in range(7)]
        for id in ids[2:5]:  # at the same instant, and so by id
            session.get_one(ReleaseOwner, (id, "ada")).created = moment - timedelta(hours=1)
        make(session, "ada", 0, 0, name="other.ipynb")
    with database.read() as session:
        expected = [*ids[:2], *ids[5:], *sorted(ids[2:5], reverse=True)]
        for limit in (1, 2, 3, 7):
            assert [*chain(*pages(session, "ada", limit, "report.ipynb"))] == expected
        cursor = place_of(*list_releases(session, "ada", "report.ipynb", None, 3)[2])
    with database.write() as session:
        make(session, "ada", 5, 0)  # the last one of the first page
    with database.read() as session:
        rest = list_releases(session, "ada", "report.ipynb", cursor, 10)
        assert [release.id for release, _ in rest] == expected[3:]
