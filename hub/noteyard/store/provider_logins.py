"""People whom a login's provider knows: who of ours they are, and what of the provider's word is taken over."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from noteyard.domain import Person
from noteyard.errors import Forbidden
from noteyard.names import RESERVED_SLUGS, is_person
from noteyard.store.audit import record
from noteyard.store.inserting import insert_once, wait_for_turn
from noteyard.store.people import set_groups
from noteyard.store.sessions import end_logins, person_of
from noteyard.store.tables import Account
from noteyard.store.types import now

BY = "login"
ASK = "Ask an administrator of Noteyard."


@dataclass(frozen=True)
class Known:
    """Somebody as the provider knows them. `groups` and `admin` are None where they are not the provider's to say."""

    name: str
    subject: str
    groups: frozenset[str] | None = None
    admin: bool | None = None


def account_of(session: Session, known: Known) -> Account | None:
    """Their account: the one of a login before, even under another name by now; else one that waits for the name."""
    bound = session.scalar(select(Account).where(Account.subject == known.subject))
    if bound is not None:
        return bound
    account = session.get(Account, known.name)
    if account is None or account.removed is not None or account.subject is not None:
        return None
    return account if account.password_hash is None else None


def take_over(session: Session, known: Known) -> Person:
    """Somebody logs in whom the rules allow: their account is made or found, and told what the provider says.

    Raises Forbidden, in words, for a name that can't be used or is another person's, and for somebody disabled.
    """
    wait_for_turn(session, "login", known.subject)
    account = account_of(session, known) or _new_account(session, known)
    if account.removed is not None:
        raise Forbidden("Your account here was removed.", ASK)
    if account.disabled:
        raise Forbidden("This account is disabled.", "Ask an administrator of Noteyard to enable it.")
    if not account.hub_cleared:
        raise Forbidden("This account is being enabled again.", "Try again in a few seconds.")
    account.subject = known.subject
    account.refused = False
    account.last_seen = now()
    _take_over_rights(session, account, known)
    session.flush()
    return person_of(session, account)


def refuse(session: Session, known: Known) -> None:
    """Somebody may not log in any more: all their logins and tokens are refused until they may again."""
    account = account_of(session, known)
    if account is not None and not account.refused and account.subject is not None:
        account.refused = True
        end_logins(session, account.name)
        record(session, BY, "person.refuse", account.name)


def _new_account(session: Session, known: Known) -> Account:
    if not is_person(known.name) or known.name in RESERVED_SLUGS:
        raise Forbidden(
            f"Your name there, {known.name[:100]!r}, can't be a name here: letters, digits, dots, hyphens and "
            "underscores can, 40 at most, and names of Noteyard's own can't.",
            "Ask an administrator of Noteyard: login.username_claim and login.username_domains choose names.",
        )
    there = session.get(Account, known.name)
    if there is None:
        account = Account(name=known.name, registered=False)
        if insert_once(session, account):
            record(session, BY, "person.create", known.name)
            return account
        there = session.get_one(Account, known.name)  # just now
    if there.removed is not None:
        raise Forbidden(f"The name {known.name!r} belonged to somebody who was removed; it is not used again.", ASK)
    if there.subject is None:
        raise Forbidden(
            f"The name {known.name!r} has a local account with a password here.",
            f"If it is yours, ask an administrator to let you take it over: noteyard user relink {known.name}",
        )
    raise Forbidden(
        f"The name {known.name!r} belongs to somebody else here.",
        f"Ask an administrator; if you are the same person, they can: noteyard user relink {known.name}",
    )


def _take_over_rights(session: Session, account: Account, known: Known) -> None:
    if known.groups is not None and known.groups != person_of(session, account).groups:
        set_groups(session, account.name, known.groups, by=BY)
    if known.admin is not None and known.admin != account.admin:
        # Even of the last one: who administers is the provider's to say.
        account.admin = known.admin
        record(session, BY, "person.admin", account.name, {"admin": known.admin})
