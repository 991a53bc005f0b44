"""People: who am I, and for administrators everybody, the audit list and usage."""

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from noteyard.access import may_administer
from noteyard.api.dependencies import Config, Db, RequestId
from noteyard.api.identity import Asking
from noteyard.api.models import AuditModel, Body, Name, Page, PersonModel, ProfileModel
from noteyard.api.problems import RESPONSES
from noteyard.backends import platform
from noteyard.domain import Person
from noteyard.errors import Conflict, FieldError, Forbidden, InvalidParameters
from noteyard.profiles import offered, title_of
from noteyard.purges import Loss
from noteyard.store import people
from noteyard.store.logins import verify_login
from noteyard.store.purging import holdings_of, removed_account, want_purge
from noteyard.store.tables import Account, AuditEntry
from noteyard.store.types import now
from noteyard.store.usage import usage_since

router = APIRouter(prefix="/api/v1", responses=RESPONSES)  # type: ignore[arg-type]


class MeModel(PersonModel):
    """Who asks."""

    scopes: list[str]


class NewPerson(Body):
    name: Name
    password: str | None = Field(
        default=None,
        min_length=8,
        max_length=1000,
        description="A first one; needed for local accounts, and only there.",
    )
    admin: bool = False
    groups: list[Name] = Field(default_factory=list, max_length=100)


class PersonChange(Body):
    admin: bool | None = None
    groups: list[Name] | None = Field(default=None, max_length=100)
    disabled: bool | None = None


class NewPassword(Body):
    password: str = Field(min_length=8, max_length=1000)


class UsageModel(BaseModel):
    """One person's use of the installation in a period."""

    person: str
    runs: int
    failed: int
    seconds: float = Field(description="Time that runs took, in all.")


class LeftBehind(BaseModel):
    """What a removed person left, which a purge deletes. What was transferred is not among it."""

    person: str
    files: int = Field(description="In the person's own folder and personal S3 data.")
    file_bytes: int
    runs: int
    output_bytes: int = Field(description="Of the runs' stored outputs.")
    schedules: int
    dashboards: int
    releases: int = Field(description="That nothing else uses.")
    state: Literal["kept", "being purged", "purged"]


class PasswordChange(Body):
    old: str = Field(max_length=1000)
    new: str = Field(min_length=8, max_length=1000)


@router.get("/me", tags=["people"])
def me(asking: Asking) -> MeModel:
    """Who you are."""
    return MeModel(
        name=asking.name,
        admin=asking.admin,
        disabled=False,
        groups=sorted(asking.groups),
        scopes=sorted(asking.scopes),
    )


@router.get("/profiles", tags=["profiles"])
def profiles(asking: Asking, settings: Config) -> list[ProfileModel]:
    """Environments you may use."""
    return [
        ProfileModel(
            name=profile.name,
            title=title_of(profile),
            description=profile.description,
            cpu=profile.cpu,
            memory_mb=profile.memory_mb,
        )
        for profile in offered(settings.profiles, asking.groups)
    ]


@router.get("/people", tags=["people"])
def list_people(
    asking: Asking,
    database: Db,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> Page[PersonModel]:
    """Everybody, by name. For administrators."""
    _administrator(asking)
    with database.read() as session:
        query = select(Account).where(Account.removed.is_(None)).order_by(Account.name).limit(limit + 1)
        if cursor:
            query = query.where(Account.name > cursor)
        found = list(session.scalars(query))
        groups = people.groups_of(session, [account.name for account in found])
        items = [_model(account, groups[account.name]) for account in found[:limit]]
    return Page(items=items, next=items[-1].name if len(found) > limit else None)


@router.post("/people", tags=["people"], status_code=201)
def add(body: NewPerson, asking: Asking, database: Db, settings: Config) -> PersonModel:
    """Add a person, with a local account or before their first login by the provider. For administrators."""
    _administrator(asking)
    if body.password is not None:
        settings.login.need_local()
    elif settings.login.local:
        raise InvalidParameters([FieldError("password", "is needed: a first one, which they change")])
    settings.login.need_own(groups=bool(body.groups), admin=body.admin)
    with database.write() as session:
        account = people.create_person(session, body.name, body.password, admin=body.admin, by=asking.name)
        people.set_groups(session, body.name, body.groups, by=asking.name)
        return _person(session, account)


@router.patch("/people/{name}", tags=["people"])
def change(name: str, body: PersonChange, asking: Asking, database: Db, settings: Config) -> PersonModel:
    """Change groups or administration, disable or enable. A disabled person loses sessions and tokens at once."""
    _administrator(asking)
    settings.login.need_own(groups=body.groups is not None, admin=body.admin is not None)
    if name == asking.name and (body.disabled or body.admin is False):
        raise Conflict("You can't disable yourself or give up administration yourself.", "Ask another administrator.")
    with database.write() as session:
        if body.groups is not None:
            people.set_groups(session, name, body.groups, by=asking.name)
        if body.admin is not None:
            people.set_admin(session, name, body.admin, by=asking.name)
        if body.disabled is not None:
            (people.disable_person if body.disabled else people.enable_person)(session, name, by=asking.name)
        return _person(session, people.get_account(session, name))


@router.delete("/people/{name}", tags=["people"], status_code=204)
def remove(name: str, asking: Asking, database: Db) -> None:
    """Remove a person; what they own can be transferred, their data stays until purged."""
    _administrator(asking)
    if name == asking.name:
        raise Conflict("You can't remove yourself.", "Ask another administrator.")
    with database.write() as session:
        people.remove_person(session, name, by=asking.name)


@router.get("/people/{name}/data", tags=["people"])
def left_behind(name: str, asking: Asking, database: Db, settings: Config) -> LeftBehind:
    """What a removed person left behind, and whether it is to be purged. For administrators."""
    _administrator(asking)
    account, loss = loss_of(name, database, settings)
    return _left(account, loss)


@router.delete("/people/{name}/data", tags=["people"], status_code=202)
def purge(name: str, asking: Asking, database: Db, settings: Config, request_id: RequestId) -> LeftBehind:
    """Delete what a removed person left behind, for good; the answer says what goes. For administrators.

    Done when the state is `purged`. What was transferred to others and the team's data stay.
    """
    _administrator(asking)
    _, loss = loss_of(name, database, settings)
    with database.write() as session:
        want_purge(session, name, loss.counts(), by=asking.name, request_id=request_id)
        return _left(removed_account(session, name), loss)


@router.put("/people/{name}/password", tags=["people"], status_code=204)
def reset_password(name: str, body: NewPassword, asking: Asking, database: Db, settings: Config) -> None:
    """Give a person a first password again, which they change at their next login. For administrators."""
    _administrator(asking)
    settings.login.need_local()
    with database.write() as session:
        people.set_password(session, name, body.password, must_change=True, by=asking.name)


@router.get("/audit", tags=["audit"])
def audit(
    asking: Asking,
    database: Db,
    who: str | None = None,
    thing: str | None = None,
    cursor: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Page[AuditModel]:
    """Who did what, newest first. For administrators."""
    _administrator(asking)
    with database.read() as session:
        query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit + 1)
        for column, value in ((AuditEntry.who, who), (AuditEntry.thing, thing)):
            if value is not None:
                query = query.where(column == value)
        if cursor is not None:
            query = query.where(AuditEntry.id < cursor)
        found = list(session.scalars(query))
    fields = ("id", "at", "who", "action", "thing", "detail", "request_id")
    items = [AuditModel(**{name: getattr(entry, name) for name in fields}) for entry in found[:limit]]
    return Page(items=items, next=str(items[-1].id) if len(found) > limit else None)


@router.get("/usage", tags=["usage"])
def usage(asking: Asking, database: Db, days: Annotated[int, Query(ge=1, le=3660)] = 30) -> list[UsageModel]:
    """Runs and their time by person. Administrators see everybody, others themselves."""
    person = None if may_administer(asking) else asking.name
    with database.read() as session:
        return [UsageModel(**vars(usage)) for usage in usage_since(session, now() - timedelta(days=days), person)]


@router.post("/me/password", tags=["people"], status_code=204)
def password(body: PasswordChange, asking: Asking, database: Db, settings: Config) -> None:
    """Change your password; your other sessions end."""
    settings.login.need_local()
    verify_login(database, asking.name, body.old)
    with database.write() as session:
        people.set_password(session, asking.name, body.new, by=asking.name)


def loss_of(name: str, database: Db, settings: Config) -> tuple[Account, Loss]:
    """A removed person, and what a purge of their data takes away."""
    with database.read() as session:
        account = removed_account(session, name)
        held = holdings_of(session, name)
    return account, Loss(held, platform(settings).personal_data(name))


def _left(account: Account, loss: Loss) -> LeftBehind:
    state = "kept" if account.purged is None else "purged" if account.hub_cleared else "being purged"
    return LeftBehind(person=account.name, state=state, **loss.counts())


def _administrator(person: Person) -> None:
    if not may_administer(person):
        raise Forbidden("This is for administrators.", "Ask one of them.")


def _person(session: Session, account: Account) -> PersonModel:
    return _model(account, people.groups_of(session, [account.name])[account.name])


def _model(account: Account, groups: list[str]) -> PersonModel:
    return PersonModel(
        name=account.name,
        admin=account.admin,
        disabled=account.disabled,
        groups=groups,
        created=account.created,
        last_seen=account.last_seen,
    )
