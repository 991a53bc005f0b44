"""Who is behind a pod that asks for the data: the person, while the pod's work is still going on."""

from sqlalchemy.orm import Session

from noteyard.domain import ACTIVE, LIVE_WORKLOAD, DataUser
from noteyard.errors import Forbidden, NotFound
from noteyard.s3_places import DataIdentity
from noteyard.store.attempts import parse_attempt_id
from noteyard.store.dashboards import get_version, publisher_of
from noteyard.store.tables import Account, Attempt, Run
from noteyard.store.workload_tables import Dashboard, WorkloadProcess


def data_identity(session: Session, user: DataUser, subject: str) -> DataIdentity:
    """The identity of a person's lab, an attempt or a dashboard's process, by its name or id.

    Raises Forbidden when it is over or unknown, its person is disabled or removed, or a lab's may not log in any more.
    """
    person = {DataUser.PERSON: _person, DataUser.RUN: _run, DataUser.DASHBOARD: _dashboard}[user](session, subject)
    account = session.get(Account, person)
    if account is None or account.disabled or account.removed is not None:
        raise Forbidden(f"{person} is disabled or unknown, and gets no data.", "An administrator can enable them.")
    if user is DataUser.PERSON and account.refused:
        raise Forbidden(f"{person} may not log in any more, and their lab gets no data.", "Log in again.")
    return DataIdentity(user, person, subject)


def _person(_: Session, subject: str) -> str:
    return subject


def _run(session: Session, subject: str) -> str:
    """The owner, while this is the run's attempt under way."""
    try:
        key = parse_attempt_id(subject)
    except NotFound as error:
        raise Forbidden(error.message) from None
    attempt = session.get(Attempt, key)
    run = session.get(Run, key[0])
    if run is None or attempt is None:
        raise Forbidden(f"There is no attempt {subject}.")
    if attempt.ended is not None or run.attempt != attempt.number or run.state not in ACTIVE:
        raise Forbidden(f"The attempt {subject} is over, and its access to the data with it.")
    return run.owner


def _dashboard(session: Session, subject: str) -> str:
    """The publisher, while this process is to show the dashboard."""
    process = session.get(WorkloadProcess, subject)
    dashboard = session.get(Dashboard, process.dashboard) if process is not None else None
    if process is None or dashboard is None:
        raise Forbidden(f"There is no dashboard process {subject}.")
    if process.state not in LIVE_WORKLOAD or dashboard.deleted is not None:
        raise Forbidden(f"The dashboard process {subject} is over, and its access to the data with it.")
    return publisher_of(dashboard, get_version(session, dashboard.id, process.version))
