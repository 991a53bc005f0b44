"""People and their groups: create, change, disable, remove, list."""

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from noteyard.domain import ENDED, Person, RunState
from noteyard.errors import Conflict, FieldError, InvalidParameters, NotFound
from noteyard.names import RESERVED_SLUGS, is_group, is_person
from noteyard.passwords import hash_password
from noteyard.store.audit import record
from noteyard.store.dashboards import forget_failures_of, stop_processes_of
from noteyard.store.inserting import insert_once
from noteyard.store.runs import cancel_run
from noteyard.store.s3_keys import revoke_all_of
from noteyard.store.sessions import end_logins, end_sessions_of, person_of
from noteyard.store.tables import Account, LoginFailure, Membership, Run, Schedule
from noteyard.store.types import now


def create_person(session: Session, name: str, password: str | None, *, admin: bool = False, by: str = "") -> Account:
    """Add a person. With `password`, it is a first one that they must change at their first login.

    Raises InvalidParameters (fields `name`, `password`) and Conflict (the name is, or was, somebody's).
    """
    _check_name(name)
    existing = session.get(Account, name)
    if existing is not None and existing.removed is not None:
        raise Conflict(
            f"{name!r} belonged to somebody who was removed; names are not used again.", "Choose another name."
        )
    if existing is not None:
        raise _taken(name)
    account = Account(
        name=name,
        password_hash=hash_password(password) if password is not None else None,
        must_change_password=password is not None,
        admin=admin,
    )
    if not insert_once(session, account):
        raise _taken(name)  # just now
    record(session, by, "person.create", name, {"admin": admin})
    return account


def get_account(session: Session, name: str) -> Account:
    """The row of a person who was not removed, or NotFound."""
    account = session.get(Account, name)
    if account is None or account.removed is not None:
        raise NotFound(f"There is no person named {name!r}.", "See them all with `noteyard user list`.")
    return account


def get_active(session: Session, name: str) -> Person:
    """A person who may log in. Raises NotFound, or Conflict when they are disabled."""
    account = get_account(session, name)
    if account.disabled:
        raise Conflict(f"{name!r} is disabled.", "Enable them first, or choose somebody else.")
    return person_of(session, account)


def list_people(session: Session, *, removed: bool = False) -> list[tuple[Account, list[str]]]:
    """People with their groups, by name; with `removed`, those who were removed too."""
    query = select(Account).order_by(Account.name)
    if not removed:
        query = query.where(Account.removed.is_(None))
    found = list(session.scalars(query))
    groups = groups_of(session, [account.name for account in found])
    return [(account, groups[account.name]) for account in found]


def groups_of(session: Session, people: Sequence[str]) -> dict[str, list[str]]:
    """Everybody's groups by name, in one question to the database."""
    groups: dict[str, list[str]] = {name: [] for name in people}
    query = select(Membership).where(Membership.person.in_(people)).order_by(Membership.group)
    for membership in session.scalars(query):
        groups[membership.person].append(membership.group)
    return groups


def list_groups(session: Session) -> list[str]:
    """Names of the groups that have members."""
    return list(session.scalars(select(Membership.group).distinct().order_by(Membership.group)))


def names_beginning(session: Session, kind: str, start: str, limit: int) -> list[str]:
    """Names of people who can log in (kind `person`), or of groups, that begin with some letters; at most `limit`."""
    if kind == "group":
        found = select(Membership.group).distinct().where(Membership.group.startswith(start, autoescape=True))
        return list(session.scalars(found.order_by(Membership.group).limit(limit)))
    query = select(Account.name).where(Account.disabled.is_(False), Account.removed.is_(None))
    query = query.where(Account.name.startswith(start, autoescape=True))
    return list(session.scalars(query.order_by(Account.name).limit(limit)))


def set_password(session: Session, name: str, password: str, *, must_change: bool = False, by: str = "") -> None:
    """Give a person a new password; their failed logins are forgotten and their browser sessions end."""
    account = get_account(session, name)
    account.password_hash = hash_password(password)
    account.must_change_password = must_change
    session.execute(delete(LoginFailure).where(LoginFailure.name == name))
    end_sessions_of(session, name)
    record(session, by, "person.password", name)


def set_admin(session: Session, name: str, admin: bool, *, by: str = "") -> None:
    """Make a person an administrator, or no longer one. Raises Conflict for the last administrator."""
    account = get_account(session, name)
    if account.admin and not admin:
        _keep_an_administrator(session, account)
    account.admin = admin
    record(session, by, "person.admin", name, {"admin": admin})


def set_groups(session: Session, name: str, groups: Iterable[str], *, by: str = "") -> None:
    """Put a person into exactly these groups."""
    account = get_account(session, name)
    wanted = set(groups)
    for group in sorted(wanted):
        if not is_group(group):
            allowed = "lower case letters, digits, dots, hyphens and underscores, 40 at most"
            raise InvalidParameters([FieldError("groups", f"{group!r} can't be a group's name: {allowed}")])
    before = set(session.scalars(select(Membership.group).where(Membership.person == account.name)))
    session.execute(delete(Membership).where(Membership.person == name, Membership.group.in_(before - wanted)))
    session.add_all(Membership(person=name, group=group) for group in wanted - before)
    session.flush()
    record(session, by, "person.groups", name, {"groups": sorted(wanted)})


def forget_identity(session: Session, name: str, *, by: str = "") -> None:
    """Let the next login by the provider under this name be this person: a password and an identity known before end.

    For accounts of before there was a provider, and for people who are somebody new there.
    """
    account = get_account(session, name)
    account.subject = None
    account.password_hash = None
    account.must_change_password = False
    end_logins(session, name)
    record(session, by, "person.relink", name)


def disable_person(session: Session, name: str, *, by: str = "") -> None:
    """Shut a person out at once: logins, sessions, tokens and keys end, schedules pause, runs are cancelled.

    `hub_cleared` False tells the controller to make the hub forget them, which stops their lab.
    """
    account = get_account(session, name)
    _keep_an_administrator(session, account)
    _shut_out(session, account, f"{name} is disabled")
    record(session, by, "person.disable", name)


def enable_person(session: Session, name: str, *, by: str = "") -> None:
    """Let a disabled person in again. Their schedules stay paused until somebody resumes them."""
    account = get_account(session, name)
    if account.disabled:
        # What was started meanwhile got no data: it may have failed, or keep for its viewers what came of that.
        stop_processes_of(session, name)
        forget_failures_of(session, name)
    account.disabled = False
    record(session, by, "person.enable", name)


def remove_person(session: Session, name: str, *, by: str = "") -> None:
    """Disable a person for good. What they own stays and can be transferred; the name is not used again."""
    account = get_account(session, name)
    _keep_an_administrator(session, account)
    _shut_out(session, account, f"{name} was removed")
    account.removed = now()
    account.admin = False
    account.password_hash = None
    session.execute(delete(Membership).where(Membership.person == name))
    record(session, by, "person.remove", name)


def _shut_out(session: Session, account: Account, reason: str) -> None:
    account.disabled = True
    account.hub_cleared = False
    end_sessions_of(session, account.name)
    revoke_all_of(session, account.name)
    mine = select(Schedule).where(
        Schedule.owner == account.name, Schedule.paused.is_(False), Schedule.deleted.is_(None)
    )
    for schedule in session.scalars(mine.with_for_update()):
        schedule.paused = True
        schedule.paused_reason = reason
    open_states = [state for state in RunState if state not in ENDED or state is RunState.INTERRUPTED]
    for id in list(session.scalars(select(Run.id).where(Run.owner == account.name, Run.state.in_(open_states)))):
        cancel_run(session, id)


def _keep_an_administrator(session: Session, account: Account) -> None:
    others = select(Account.name).where(
        Account.admin.is_(True), Account.disabled.is_(False), Account.removed.is_(None), Account.name != account.name
    )
    if account.admin and not account.disabled and session.scalar(others.limit(1)) is None:
        raise Conflict(f"{account.name!r} is the only administrator.", "Make somebody else an administrator first.")


def _taken(name: str) -> Conflict:
    return Conflict(f"There is already a person named {name!r}.", "Choose another name.")


def _check_name(name: str) -> None:
    if not is_person(name):
        raise InvalidParameters(
            [
                FieldError(
                    "name",
                    f"{name!r} can't be a person's name: it must start with a lower case letter or digit and have only"
                    " lower case letters, digits, dots, hyphens and underscores, 40 at most",
                )
            ]
        )
    if name in RESERVED_SLUGS:
        raise InvalidParameters([FieldError("name", f"{name!r} is reserved for Noteyard itself; choose another name")])
