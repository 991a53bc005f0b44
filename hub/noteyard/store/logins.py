"""Logins by name and password, with guessing slowed down by name.

After FREE failures in a row every further one doubles the wait before the next try, up to LONGEST_WAIT. Names that do
not exist are treated the same and take the same time, so that nobody learns from it who is here.
"""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from noteyard.domain import Person
from noteyard.errors import Forbidden, TooMany
from noteyard.names import is_person
from noteyard.passwords import hash_password, needs_rehash, verify
from noteyard.store.database import Database
from noteyard.store.sessions import person_of
from noteyard.store.tables import Account, LoginFailure
from noteyard.store.types import now

FREE = 5
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(days=1)
WRONG = "The name or the password is not right."


class WrongPassword(Forbidden):
    """The name or the password is not right; which of them is not said."""

    title = "Login refused"

    def __init__(self) -> None:
        super().__init__(WRONG, "Try again, or ask an administrator for a new password.")


class TooManyFailures(TooMany):
    """Somebody tried too often under this name; `seconds` until the next try is looked at."""

    def __init__(self, seconds: int) -> None:
        wait = f"{seconds} second{'s' if seconds != 1 else ''}"
        if seconds > 90:
            wait = f"{round(seconds / 60)} minutes"
        super().__init__(f"Too many logins under this name have failed. Wait {wait}, then try again.")
        self.seconds = seconds


def verify_login(database: Database, name: str, password: str, moment: datetime | None = None) -> Person:
    """The person who logs in with this name and password.

    Takes some 50 ms of CPU (argon2): call it in a thread. Raises WrongPassword, TooManyFailures, and Forbidden for
    somebody disabled who knows the password. `moment` is the present, for tests.
    """
    if not is_person(name):
        verify(password, None)
        raise WrongPassword()
    _count_try(database, name, moment or now())
    with database.read() as session:
        account = session.get(Account, name)
        hash = account.password_hash if account is not None and account.removed is None else None
    if not verify(password, hash) or hash is None:
        raise WrongPassword()
    return _welcome(database, name, password if needs_rehash(hash) else None)


def _count_try(database: Database, name: str, moment: datetime) -> None:
    # Each try counts as failed before the password is looked at, and success forgets the count: tries that come at
    # the same time can't slip past the limit together.
    try:
        with database.write() as session:
            _count(session, name, moment)
    except IntegrityError:  # two first tries at once
        with database.write() as session:
            _count(session, name, moment)


def _count(session: Session, name: str, moment: datetime) -> None:
    session.execute(delete(LoginFailure).where(LoginFailure.last < moment - FORGOTTEN_AFTER))
    row = session.scalar(select(LoginFailure).where(LoginFailure.name == name).with_for_update())
    if row is None:
        session.add(LoginFailure(name=name, count=1, last=moment))
        return
    left = row.last + _wait(row.count) - moment
    if left > timedelta(0):
        raise TooManyFailures(max(1, round(left.total_seconds())))
    row.count += 1
    row.last = moment


def _wait(failures: int) -> timedelta:
    if failures < FREE:
        return timedelta(0)
    return min(timedelta(seconds=2 ** min(failures - FREE + 1, 20)), LONGEST_WAIT)


def _welcome(database: Database, name: str, password_to_rehash: str | None) -> Person:
    with database.write() as session:
        account = session.get_one(Account, name)
        if account.disabled:
            raise Forbidden("This account is disabled.", "Ask an administrator to enable it.")
        if not account.hub_cleared:
            raise Forbidden("This account is being enabled again.", "Try again in a few seconds.")
        session.execute(delete(LoginFailure).where(LoginFailure.name == name))
        account.last_seen = now()
        if password_to_rehash is not None:
            account.password_hash = hash_password(password_to_rehash)
        return person_of(session, account)
