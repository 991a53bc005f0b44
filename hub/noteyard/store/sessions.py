"""Browser sessions and the single-use tickets that carry a login from the hub's host to a dashboard's."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from noteyard.domain import Person
from noteyard.names import new_id
from noteyard.store.tables import Account, Membership
from noteyard.store.types import now
from noteyard.store.workload_tables import BrowserSession, Ticket
from noteyard.tokens import new_token, token_hash

TICKET_SECONDS = 60
HUB = "hub"
"""Stands in a ticket where a dashboard's id does: this one renews a login at the hub."""


@dataclass(frozen=True)
class Redeemed:
    """What a ticket was worth: the new session's cookie, and the query string the visitor came with."""

    cookie: str
    query: str


def open_session(session: Session, person: str, hours: float, dashboard: str | None = None) -> str:
    """A new session; returns its cookie."""
    cookie = new_token()
    session.add(
        BrowserSession(
            id=token_hash(cookie),
            person=person,
            dashboard=dashboard,
            sid=new_id("s"),
            csrf=new_token(),
            expires=now() + timedelta(hours=hours),
        )
    )
    return cookie


def find_session(session: Session, cookie: str, dashboard: str | None = None) -> tuple[BrowserSession, Person] | None:
    """The session of a cookie with its person, or None: unknown, ended, of another host, or its person is disabled."""
    query = (
        select(BrowserSession, Account)
        .join(Account, Account.name == BrowserSession.person)
        .where(BrowserSession.id == token_hash(cookie), BrowserSession.expires > now())
        .where(Account.disabled.is_(False), Account.removed.is_(None))
    )
    found = session.execute(query).first()
    if found is None or found[0].dashboard != dashboard:
        return None
    return found[0], person_of(session, found[1])


def person_of(session: Session, account: Account) -> Person:
    """The account with its groups, as access.py takes it."""
    groups = session.scalars(select(Membership.group).where(Membership.person == account.name))
    return Person(account.name, frozenset(groups), account.admin)


def end_session(session: Session, cookie: str) -> None:
    """End a portal's session, and with it all sessions of that person on dashboards' hosts."""
    row = session.get(BrowserSession, token_hash(cookie))
    if row is not None:
        end_sessions_of(session, row.person)


def end_sessions_of(session: Session, person: str) -> None:
    """End every session and ticket of a person."""
    session.execute(delete(BrowserSession).where(BrowserSession.person == person))
    session.execute(delete(Ticket).where(Ticket.person == person))


def end_logins(session: Session, person: str) -> None:
    """Log a person out of everything in every browser: here at once, at the hub and in labs as hub_logins.py says."""
    end_sessions_of(session, person)
    session.get_one(Account, person, with_for_update=True).login_epoch += 1


def people_logged_in(session: Session) -> list[str]:
    """Names of those who have a session that has not ended."""
    query = select(BrowserSession.person).where(BrowserSession.expires > now(), BrowserSession.dashboard.is_(None))
    return list(session.scalars(query.distinct().order_by(BrowserSession.person)))


def issue_ticket(session: Session, portal: BrowserSession, dashboard: str, query: str) -> str:
    """A pass to a dashboard's host, good once and for a minute."""
    ticket = new_token()
    session.add(
        Ticket(
            id=token_hash(ticket),
            person=portal.person,
            dashboard=dashboard,
            parent=portal.id,
            query=query,
            expires=now() + timedelta(seconds=TICKET_SECONDS),
        )
    )
    return ticket


def redeem_ticket(session: Session, ticket: str, dashboard: str, hours: float) -> Redeemed | None:
    """Trade a ticket for a session on the dashboard's host; None when it is unknown, used, too old, or for another."""
    row = session.get(Ticket, token_hash(ticket), with_for_update=True)
    if row is None or row.dashboard != dashboard or row.expires < now():
        return None
    session.delete(row)
    return Redeemed(open_session(session, row.person, hours, dashboard), row.query)


def allow_renewal(session: Session, cookie: str, hub_session: str) -> None:
    """Let the browser with this portal cookie renew its login at the hub, once and within a minute.

    `hub_session` is JupyterHub's id of the browser's session: the labs that are open in it stay so.
    """
    portal = session.get_one(BrowserSession, token_hash(cookie))
    issue_ticket(session, portal, HUB, hub_session)


def redeem_renewal(session: Session, cookie: str) -> tuple[str, str]:
    """Who may renew their login at the hub in the browser with this cookie, and JupyterHub's session; else empty."""
    found = find_session(session, cookie)
    query = select(Ticket).where(Ticket.parent == token_hash(cookie), Ticket.dashboard == HUB, Ticket.expires > now())
    ticket = session.scalar(query.with_for_update())
    if found is None or ticket is None:
        return "", ""
    session.delete(ticket)
    return found[1].name, ticket.query


def hub_session_to_keep(session: Session, person: str) -> str:
    """JupyterHub's session of the browser in which a person has just changed the password; else empty."""
    query = select(Ticket.query).where(Ticket.person == person, Ticket.dashboard == HUB, Ticket.expires > now())
    return session.scalar(query.order_by(Ticket.expires.desc()).limit(1)) or ""
