"""People, for administrators: the list, adding somebody, a person's page and what can be done there."""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Response
from sqlalchemy import select

from noteyard.access import may_administer
from noteyard.api import dashboards, schedules
from noteyard.api import people as rest
from noteyard.api.models import Transfer
from noteyard.api.people import NewPassword, NewPerson, PersonChange
from noteyard.api.portal.desk import AtDesk, Desk
from noteyard.api.portal.forms import Sent, SentForm, body, errors_by_field
from noteyard.errors import Conflict, Forbidden, NoteyardError, NotFound
from noteyard.passwords import new_password
from noteyard.store.people import forget_identity, groups_of, list_groups, list_people
from noteyard.store.tables import Account, Schedule
from noteyard.store.workload_tables import Dashboard

router = APIRouter(prefix="/portal/people", include_in_schema=False)


@router.get("")
def people(desk: Desk, removed: bool = False) -> Response:
    return _list(desk, removed)


@router.post("")
def add(desk: Desk, sent: SentForm) -> Response:
    """Add a person; the first password of a local account is in the answer, and nowhere else."""
    password = new_password() if desk.settings.login.local else None
    try:
        new = {"name": sent.text("name"), "password": password, "groups": sent.words("groups")}
        wanted = body(NewPerson, {**new, "admin": sent.text("admin") == "yes"})
        rest.add(wanted, desk.person, desk.database, desk.settings)
    except NoteyardError as error:
        return _list(desk, False, sent, error)
    if password is None:
        return desk.go(_address(wanted.name), f"Added. They log in with {desk.settings.login.title}.")
    return desk.page("person_password.html", name=sent.text("name"), password=password, is_new=True)


@router.get("/{name}")
def person(desk: Desk, name: str) -> Response:
    found = _person(desk, name)
    loss = rest.loss_of(name, desk.database, desk.settings)[1] if found["account"].removed else None
    return desk.page("person.html", **found, login=desk.settings.login, lost=loss.in_words() if loss else [])


@router.post("/{name}")
def change(desk: Desk, name: str, sent: SentForm) -> Response:
    login = desk.settings.login
    groups = {"groups": sent.words("groups")} if login.own_groups else {}
    admin = {"admin": sent.text("admin") == "yes"} if login.own_admins else {}
    rest.change(name, body(PersonChange, {**groups, **admin}), desk.person, desk.database, desk.settings)
    return desk.go(_address(name), "Saved.")


@router.post("/{name}/disable")
def disable(desk: Desk, name: str) -> Response:
    rest.change(name, PersonChange(disabled=True), desk.person, desk.database, desk.settings)
    return desk.go(_address(name), "Disabled: sessions, tokens and lab end, schedules are paused.")


@router.post("/{name}/enable")
def enable(desk: Desk, name: str) -> Response:
    rest.change(name, PersonChange(disabled=False), desk.person, desk.database, desk.settings)
    return desk.go(_address(name), "Enabled. Their schedules stay paused until resumed.")


@router.post("/{name}/password")
def reset_password(desk: Desk, name: str) -> Response:
    password = new_password()
    rest.reset_password(name, NewPassword(password=password), desk.person, desk.database, desk.settings)
    return desk.page("person_password.html", name=name, password=password, is_new=False)


@router.post("/{name}/relink")
def relink(desk: Desk, name: str) -> Response:
    """Let the next login by the provider under this name be this person."""
    _administrator(desk)
    with desk.database.write() as session:
        forget_identity(session, name, by=desk.person.name)
    title = desk.settings.login.title
    return desk.go(_address(name), f"Their next login with {title} as {name} makes the account theirs.")


@router.post("/{name}/remove")
def remove(desk: Desk, name: str, sent: SentForm) -> Response:
    if sent.text("confirm") != name:
        raise Conflict("Nobody was removed: what was typed is not the name.", f"Type {name} to confirm.")
    rest.remove(name, desk.person, desk.database)
    return desk.go(_address(name), "Removed. What they own can still be transferred.")


@router.post("/{name}/purge")
def purge(desk: Desk, name: str, sent: SentForm) -> Response:
    if sent.text("confirm") != name:
        raise Conflict("Nothing was deleted: what was typed is not the name.", f"Type {name} to confirm.")
    rest.purge(name, desk.person, desk.database, desk.settings, desk.request_id)
    return desk.go(_address(name), "The purge has begun.")


@router.post("/{name}/transfer")
def transfer(desk: Desk, name: str, sent: SentForm) -> Response:
    """Give all that a person owns to somebody else."""
    owned = _person(desk, name)
    to = body(Transfer, {"owner": sent.text("owner")})
    parts: dict[str, Any] = {
        "asking": desk.person,
        "database": desk.database,
        "settings": desk.settings,
        "urls": desk.urls,
        "request_id": desk.request_id,
    }
    for schedule, _ in owned["schedules"]:
        schedules.transfer(schedule, to, **parts)
    for slug, _ in owned["dashboards"]:
        dashboards.transfer(slug, to, **parts)
    return desk.go(_address(name), f"All of it belongs to {to.owner} now; the schedules are paused until resumed.")


def _administrator(desk: AtDesk) -> None:
    if not may_administer(desk.person):
        raise Forbidden("This page is for administrators.", "Ask one of them.")


def _list(desk: AtDesk, removed: bool, sent: Sent | None = None, error: NoteyardError | None = None) -> Response:
    _administrator(desk)
    with desk.database.read() as session:
        found = list_people(session, removed=removed)
        groups = list_groups(session)
    return desk.page(
        "people.html",
        error.status if error else 200,
        found=found,
        groups=groups,
        removed=removed,
        login=desk.settings.login,
        sent=sent or Sent(),
        error=error,
        errors=errors_by_field(error),
    )


def _person(desk: AtDesk, name: str) -> dict[str, Any]:
    _administrator(desk)
    with desk.database.read() as session:
        account = session.get(Account, name)
        if account is None:
            raise NotFound(f"There is no person named {name!r}.", "See them all under People.")
        owned_schedules = select(Schedule.id, Schedule.name).where(Schedule.owner == name, Schedule.deleted.is_(None))
        owned_dashboards = select(Dashboard.slug, Dashboard.title).where(
            Dashboard.owner == name, Dashboard.deleted.is_(None)
        )
        return {
            "account": account,
            "groups": groups_of(session, [name])[name],
            "known_groups": list_groups(session),
            "schedules": [tuple(row) for row in session.execute(owned_schedules.order_by(Schedule.name))],
            "dashboards": [tuple(row) for row in session.execute(owned_dashboards.order_by(Dashboard.title))],
        }


def _address(name: str) -> str:
    return f"/portal/people/{quote(name)}"
