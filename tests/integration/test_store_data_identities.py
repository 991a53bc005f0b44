"""Who gets the data through a pod: only while its work goes on and its person is one of the team."""

from datetime import UTC, datetime

import pytest
from noteyard.domain import Audience, DataUser, WorkloadState
from noteyard.errors import Forbidden
from noteyard.s3_places import DataIdentity
from noteyard.settings import Runs
from noteyard.store import Database
from noteyard.store.attempts import Ending, RunState, attempt_by_token, attempt_id, begin_attempt, claim, settle
from noteyard.store.dashboards import NewDashboard, add_version, hand_over, publish
from noteyard.store.data_identities import data_identity
from noteyard.store.people import disable_person, enable_person, remove_person
from noteyard.store.tables import Account
from noteyard.store.workloads import Report, begin_process, end_process, process_by_token, report_process
from sqlalchemy.orm import Session

from tests.support.rows import add_person, add_run, add_some_release


def refusal(session: Session, user: DataUser, subject: str) -> str:
    with pytest.raises(Forbidden) as refused:
        data_identity(session, user, subject)
    return refused.value.message


def test_a_person_while_they_are_one_of_the_team(database: Database) -> None:
    with database.write() as session:
        add_person(session, "root", admin=True)
        add_person(session, "ada")
        found = data_identity(session, DataUser.PERSON, "ada")
        assert found == DataIdentity(DataUser.PERSON, "ada", "ada")
        said = "ada is disabled or unknown, and gets no data."
        disable_person(session, "ada")
        assert refusal(session, DataUser.PERSON, "ada") == said
        enable_person(session, "ada")
        assert data_identity(session, DataUser.PERSON, "ada") == found
        remove_person(session, "ada")
        assert refusal(session, DataUser.PERSON, "ada") == said
        assert refusal(session, DataUser.PERSON, "eve") == "eve is disabled or unknown, and gets no data."


def test_the_lab_of_somebody_whom_the_provider_shut_out_gets_nothing_more(database: Database) -> None:
    with database.write() as session:
        add_person(session, "ada")
        run = add_run(session, add_some_release(session, "ada"), "ada")
        begin_attempt(session, run, 1)
        session.get_one(Account, "ada").refused = True
        session.flush()
        said = "ada may not log in any more, and their lab gets no data."
        assert refusal(session, DataUser.PERSON, "ada") == said
        assert data_identity(session, DataUser.RUN, attempt_id(run.id, 1)).person == "ada", "their schedules go on"


def test_a_run_for_its_owner_while_this_attempt_is_under_way(database: Database) -> None:
    with database.write() as session:
        add_person(session, "root", admin=True)
        add_person(session, "ada")
        run = add_run(session, add_some_release(session, "ada"), "ada", retries=1)
        first = attempt_id(run.id, 1)
        assert refusal(session, DataUser.RUN, first) == f"There is no attempt {first}."
        token = begin_attempt(session, run, 1)
        session.flush()
        assert data_identity(session, DataUser.RUN, first) == DataIdentity(DataUser.RUN, "ada", first)
        claim(session, first, token, token)
        assert data_identity(session, DataUser.RUN, first).person == "ada"
        settle(session, *attempt_by_token(session, first, token), Ending(RunState.FAILED), Runs())
        over = f"The attempt {first} is over, and its access to the data with it."
        assert refusal(session, DataUser.RUN, first) == over
        begin_attempt(session, run, 1)
        session.flush()
        assert refusal(session, DataUser.RUN, first) == over
        second = attempt_id(run.id, 2)
        assert data_identity(session, DataUser.RUN, second).subject == second
        disable_person(session, "ada")
        assert refusal(session, DataUser.RUN, second) == "ada is disabled or unknown, and gets no data."
        for odd in ("", "r1", "r1.x"):
            assert refusal(session, DataUser.RUN, odd) == f"There is no attempt {odd!r}."


def test_a_dashboard_for_its_publisher_while_this_process_is_wanted(database: Database) -> None:
    with database.write() as session:
        add_person(session, "root", admin=True)
        add_person(session, "ada")
        dashboard = publish(
            session, NewDashboard("sales", "Sales", Audience.PUBLIC), add_some_release(session, "ada"), "ada"
        )
        id, token = begin_process(session, dashboard, 1, False, 1)
        session.flush()
        assert data_identity(session, DataUser.DASHBOARD, id) == DataIdentity(DataUser.DASHBOARD, "ada", id)
        dashboard.deleted = datetime.now(UTC)
        over = f"The dashboard process {id} is over, and its access to the data with it."
        assert refusal(session, DataUser.DASHBOARD, id) == over
        dashboard.deleted = None
        disable_person(session, "ada")
        assert refusal(session, DataUser.DASHBOARD, id) == "ada is disabled or unknown, and gets no data."
        enable_person(session, "ada")
        end_process(session, process_by_token(session, id, token), None)
        assert refusal(session, DataUser.DASHBOARD, id) == over
        assert refusal(session, DataUser.DASHBOARD, "d0.1.1") == "There is no dashboard process d0.1.1."


def test_a_version_has_its_publishers_identity_until_it_is_shown(database: Database) -> None:
    with database.write() as session:
        for name in ("ada", "bob", "eve"):
            add_person(session, name)
        release = add_some_release(session, "ada")
        dashboard = publish(session, NewDashboard("sales", "Sales", Audience.PUBLIC), release, "ada")
        first, token = begin_process(session, dashboard, 1, False, 1)
        session.flush()
        report_process(session, process_by_token(session, first, token), Report(WorkloadState.READY))
        add_version(session, dashboard, release, "bob", {})
        second, token = begin_process(session, dashboard, 2, False, 1)
        session.flush()

        def people() -> list[str]:
            return [data_identity(session, DataUser.DASHBOARD, id).person for id in (first, second)]

        assert people() == ["ada", "bob"]
        hand_over(session, dashboard, "eve")
        assert people() == ["eve", "eve"]
        report_process(session, process_by_token(session, second, token), Report(WorkloadState.READY))
        assert (dashboard.current, people()) == (2, ["eve", "eve"])
