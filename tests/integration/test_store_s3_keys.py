"""S3 identities in the database."""

from noteyard.store import Database
from noteyard.store.people import disable_person
from noteyard.store.s3_keys import find_key, key_for_dashboard, key_for_person, key_for_run, revoke_subject
from noteyard.store.workload_tables import WorkloadProcess

from tests.support.rows import add_person, add_run, add_some_release


def test_a_persons_key_is_made_once_and_opens_their_data_and_the_teams(database: Database) -> None:
    with database.write() as session:
        add_person(session, "alice")
        first = key_for_person(session, "alice")
    with database.write() as session:
        again = key_for_person(session, "alice")
        assert (again.access_key, again.secret) == (first.access_key, first.secret)
        assert again.grants == {"team": "write", "my-alice": "write"}
        assert len(again.access_key) == 20
        assert len(again.secret) == 40
        assert find_key(session, again.access_key) is not None
        assert find_key(session, "NYAKNOBODY") is None


def test_runs_have_keys_of_their_own_that_end_with_them(database: Database) -> None:
    with database.write() as session:
        add_person(session, "alice")
        run = add_run(session, add_some_release(session, "alice"), "alice")
        key = key_for_run(session, run)
        assert key.grants == {"team": "write", "my-alice": "write"}
        assert key_for_run(session, run).access_key == key.access_key
        assert key.access_key != key_for_person(session, "alice").access_key
        revoke_subject(session, "run", run.id)
        assert find_key(session, key.access_key) is None


def test_a_dashboard_reads_the_teams_data_and_nothing_of_its_publishers(database: Database) -> None:
    with database.write() as session:
        add_person(session, "root", admin=True)
        add_person(session, "alice")
        process = WorkloadProcess(id="d1.1.1", dashboard="d1", version=1, token_hash="x", epoch=1)
        key = key_for_dashboard(session, process, "alice")
        assert key.grants == {"team": "read"}
        disable_person(session, "alice")
        assert find_key(session, key.access_key) is None
