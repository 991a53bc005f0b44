"""Who may do what: pure functions, asked by every route. Tested as a table in tests/unit/test_access.py.

`viewer` and `manager` are shares; the owner may do everything; administrators see states and logs of everything,
may stop, delete and transfer, and read contents only where `admin_access` is set.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from noteyard.domain import Audience, DataArea, DataUser, Person, Role, Sharing


class Action(StrEnum):
    """What can be done with a run, schedule, dashboard or release."""

    LIST = "list"  # see that it exists, its state and log
    READ = "read"  # see contents: outputs, files, the dashboard itself
    RUN = "run"  # start, re-run, run now
    EDIT = "edit"  # change, publish a version, pause, resume, share
    STOP = "stop"  # cancel a run, put a dashboard to sleep
    DELETE = "delete"
    TRANSFER = "transfer"


VIEWER = frozenset({Action.LIST, Action.READ})
MANAGER = frozenset(Action)
ADMINISTRATOR = frozenset({Action.LIST, Action.STOP, Action.DELETE, Action.TRANSFER})


def shared_role(person: Person, shares: Iterable[Sharing]) -> Role | None:
    """The strongest role that shares give to a person, by name or by group."""
    roles = {
        share.role
        for share in shares
        if (share.subject_kind == "person" and share.subject == person.name)
        or (share.subject_kind == "group" and share.subject in person.groups)
    }
    if Role.MANAGER in roles:
        return Role.MANAGER
    return Role.VIEWER if Role.VIEWER in roles else None


def allowed(
    person: Person, action: Action, owner: str, shares: Iterable[Sharing] = (), *, admin_access: bool = False
) -> bool:
    """Whether a person may do `action` with a thing of `owner`'s that is shared by `shares`."""
    if not _scope_allows(person, action):
        return False
    if person.name == owner:
        return True
    role = shared_role(person, shares)
    if role is Role.MANAGER or (role is Role.VIEWER and action in VIEWER):
        return True
    if person.admin and "admin" in person.scopes:
        return action in ADMINISTRATOR or (admin_access and action is Action.READ)
    return False


def may_open(
    person: Person | None, owner: str, audience: Audience, shares: Iterable[Sharing], *, admin_access: bool = False
) -> bool:
    """Whether a viewer (None: the public) may open a dashboard. Administrators may only with `admin_access`."""
    if audience is Audience.PUBLIC:
        return True
    if person is None or "read" not in person.scopes:
        return False
    if person.name == owner or audience is Audience.USERS:
        return True
    if shared_role(person, _of_audience(audience, shares)) is not None:
        return True
    return person.admin and admin_access and "admin" in person.scopes


def may_administer(person: Person) -> bool:
    """Whether a person may see and change people, and read audit and usage."""
    return person.admin and "admin" in person.scopes


def data_access(user: DataUser) -> dict[DataArea, Literal["read", "write"]]:
    """What of the data may be read, or read and written.

    A run is its owner's hand. A dashboard shows the team's data to whoever may open it, so it never has its publisher's
    own, and as viewers steer what it does, it changes nothing.
    """
    if user is DataUser.DASHBOARD:
        return {DataArea.TEAM: "read"}
    return {DataArea.TEAM: "write", DataArea.OWN: "write"}


def _of_audience(audience: Audience, shares: Iterable[Sharing]) -> list[Sharing]:
    # Managers open what they manage whatever its audience; viewers' shares count for the audience they belong to.
    kinds = {Audience.PEOPLE: {"person"}, Audience.GROUPS: {"person", "group"}}.get(audience, set())
    return [share for share in shares if share.role is Role.MANAGER or share.subject_kind in kinds]


def _scope_allows(person: Person, action: Action) -> bool:
    needed = "read" if action in VIEWER else "write"
    return needed in person.scopes
