"""API tokens made on the machine itself: rows in JupyterHub's database, with our custom scopes and nothing else.

`jupyterhub token` makes tokens that inherit all a person may do, and JupyterHub's API makes them only for services that
may make any token for anybody. This uses JupyterHub's own tables in a process of its own instead, as `jupyterhub token`
does; the hub, running or not, finds the token there when it is used.
"""

from pathlib import Path

from jupyterhub import orm
from jupyterhub.roles import assign_default_roles
from jupyterhub.scopes import define_custom_scopes
from sqlalchemy import create_engine, inspect, make_url
from sqlalchemy.orm import Session

from noteyard.errors import Conflict, FieldError, InvalidParameters
from noteyard.roles import ADMINISTRATORS, CUSTOM_SCOPES

SCOPES = {"read": "custom:noteyard:read!user", "write": "custom:noteyard:write!user", "admin": "custom:noteyard:admin"}


def make_token(hub_database: str, name: str, scopes: list[str], note: str, expires_in: int | None) -> str:
    """A token of a person's with scopes from SCOPES; `hub_database` is an SQLAlchemy URL, `expires_in` in seconds.

    Raises InvalidParameters for other scopes, and Conflict when the hub has never run, or when an administrator's scope
    is asked for somebody whom the hub does not know as one.
    """
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        known = ", ".join(SCOPES)
        raise InvalidParameters([FieldError("scope", f"there is no scope {unknown[0]!r}; there are {known}")])
    if not _has_tables(hub_database):
        raise Conflict("The hub has never run here, so it can't know tokens yet.", "Start it once: noteyard up")
    define_custom_scopes(CUSTOM_SCOPES)
    factory = orm.new_session_factory(hub_database)
    with factory() as session:
        try:
            return _make(session, name, scopes, note, expires_in)
        finally:
            session.get_bind().dispose()


def _has_tables(database: str) -> bool:
    file = make_url(database).database
    if database.startswith("sqlite") and not (file and Path(file).exists()):
        return False  # to look into it would make it
    engine = create_engine(database)
    try:
        return inspect(engine).has_table(orm.User.__tablename__)
    finally:
        engine.dispose()


def _make(session: Session, name: str, scopes: list[str], note: str, expires_in: int | None) -> str:
    user = orm.User.find(session, name)
    if user is None:
        # Somebody who has not logged in yet, for instance an account for programs.
        user = orm.User(name=name)
        session.add(user)
        session.commit()
        assign_default_roles(session, entity=user)
        session.commit()
    if "admin" in scopes and ADMINISTRATORS not in {group.name for group in user.groups}:
        raise Conflict(
            f"The hub does not know {name!r} as an administrator.",
            "Make them one (noteyard user admin NAME), have them log in once, and try again.",
        )
    token: str = orm.APIToken.new(
        user=user, scopes=[SCOPES[scope] for scope in scopes], note=note, expires_in=expires_in
    )
    return token
