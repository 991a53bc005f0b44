"""S3 identities: one a person, one a run, one a start of a dashboard. What they open is in `grants`."""

import secrets

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from noteyard.access import data_access
from noteyard.domain import DataArea, DataUser
from noteyard.names import TEAM_BUCKET, person_bucket
from noteyard.store.dashboards import stop_processes_of
from noteyard.store.inserting import wait_for_turn
from noteyard.store.tables import Account, Run
from noteyard.store.workload_tables import S3Key, WorkloadProcess

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def key_for_person(session: Session, person: str) -> S3Key:
    """The person's own key, made when missing: writes the team's data and their own."""
    return _of(session, "person", person) or _new(session, "person", person, person, _grants(DataUser.PERSON, person))


def key_for_run(session: Session, run: Run) -> S3Key:
    """The key of a run, made when missing: opens what its owner's key opens."""
    return _of(session, "run", run.id) or _new(session, "run", run.id, run.owner, _grants(DataUser.RUN, run.owner))


def key_for_dashboard(session: Session, process: WorkloadProcess, publisher: str) -> S3Key:
    """The key of one start of a dashboard, made when missing: reads the team's data and nothing of its publisher's."""
    return _of(session, "dashboard", process.id) or _new(
        session, "dashboard", process.id, publisher, _grants(DataUser.DASHBOARD, publisher)
    )


def find_key(session: Session, access_key: str) -> S3Key | None:
    """The key that a client shows; None when it is unknown or its person is disabled."""
    query = (
        select(S3Key)
        .join(Account, Account.name == S3Key.person)
        .where(S3Key.access_key == access_key, Account.disabled.is_(False))
    )
    return session.scalar(query)


def revoke_subject(session: Session, kind: str, subject: str) -> None:
    """Delete the keys of one person, run or dashboard start (`kind`: person, run, dashboard)."""
    session.execute(delete(S3Key).where(S3Key.kind == kind, S3Key.subject == subject))


def revoke_all_of(session: Session, person: str) -> None:
    """Delete every key that acts for a person: their own, their runs' and their dashboards'.

    A dashboard's process has its key for as long as it runs, so those that lose theirs are to end: the next one gets
    a key that works as soon as the person may use it again.
    """
    stop_processes_of(session, person)
    session.execute(delete(S3Key).where(S3Key.person == person))


def _grants(user: DataUser, person: str) -> dict[str, str]:
    buckets = {DataArea.TEAM: TEAM_BUCKET, DataArea.OWN: person_bucket(person)}
    return {buckets[area]: access for area, access in data_access(user).items()}


def _of(session: Session, kind: str, subject: str) -> S3Key | None:
    return session.scalar(select(S3Key).where(S3Key.kind == kind, S3Key.subject == subject))


def _new(session: Session, kind: str, subject: str, person: str, grants: dict[str, str]) -> S3Key:
    wait_for_turn(session, "s3 key", kind, subject)
    made = _of(session, kind, subject)
    if made is not None:  # by somebody who was first
        return made
    # The form of AWS's own keys (AKIA…, 20 characters; 40 for the secret): clients and their log filters expect it.
    access_key = "NYAK" + "".join(secrets.choice(ALPHABET) for _ in range(16))
    key = S3Key(
        access_key=access_key,
        secret=secrets.token_urlsafe(30),
        kind=kind,
        subject=subject,
        person=person,
        grants=dict(grants),
    )
    session.add(key)
    session.flush()
    return key
