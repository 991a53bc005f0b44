"""How far schedules are behind their owners' newest releases, on both databases."""

from datetime import timedelta

from noteyard.domain import CatchUpPolicy, OverlapPolicy
from noteyard.schedule_changes import Plan, create_schedule
from noteyard.store import Database
from noteyard.store.releases import newer_releases
from noteyard.store.types import now

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
