"""Who visits a dashboard's host: a person with a session there, or an anonymous browser with a signed cookie."""

import hashlib
import hmac
from dataclasses import dataclass

from fastapi import Request
from sqlalchemy.orm import Session

from noteyard.access import may_open
from noteyard.api.browser_cookies import read_cookie
from noteyard.cookies import VIEWER
from noteyard.domain import Audience, Person
from noteyard.errors import NotFound
from noteyard.names import new_id
from noteyard.settings import Settings
from noteyard.store.dashboards import get_dashboard
from noteyard.store.schedules import shares_of
from noteyard.store.sessions import find_session
from noteyard.store.workload_tables import Dashboard
from noteyard.urls import PublicUrls

ANONYMOUS = "anonymous."


@dataclass(frozen=True)
class Visitor:
    """`person` None: anonymous. `sid` tells one browser's live session from another's."""

    person: Person | None
    sid: str


def slug_of_host(host: str, urls: PublicUrls) -> str:
    """The dashboard's link in a host such as `sales.apps.localhost:8000`; NotFound for other hosts."""
    name = host.rsplit(":", 1)[0].lower() if ":" in host else host.lower()
    slug, dot, rest = name.partition(".")
    if not dot or rest != urls.apps_host:
        raise NotFound(f"There is no dashboard at {host}.")
    return slug


def find_visitor(session: Session, request: Request, dashboard: Dashboard) -> Visitor | None:
    """Who the request's cookie says; None without a good one."""
    cookie = read_cookie(request, VIEWER)
    if cookie.startswith(ANONYMOUS):
        sid = _checked(cookie, dashboard.id, request.app.state.signing_key)
        return Visitor(None, sid) if sid else None
    found = find_session(session, cookie, dashboard.id) if cookie else None
    return Visitor(found[1], found[0].sid) if found else None


def visits(session: Session, request: Request, slug: str, settings: Settings) -> tuple[Dashboard, Visitor | None, bool]:
    """(dashboard, visitor, whether they may open it)."""
    dashboard = get_dashboard(session, slug)
    visitor = find_visitor(session, request, dashboard)
    person = visitor.person if visitor else None
    shares = shares_of(session, "dashboard", dashboard.id)
    may = may_open(person, dashboard.owner, Audience(dashboard.audience), shares, admin_access=settings.admin_access)
    return dashboard, visitor, may


def anonymous_cookie(dashboard: str, key: bytes) -> str:
    """A cookie for a browser nobody is logged in with; it needs no row."""
    sid = new_id("s")
    return f"{ANONYMOUS}{sid}.{_mac(sid, dashboard, key)}"


def _checked(cookie: str, dashboard: str, key: bytes) -> str | None:
    sid, _, mac = cookie.removeprefix(ANONYMOUS).partition(".")
    return sid if hmac.compare_digest(mac.encode(), _mac(sid, dashboard, key).encode()) else None


def _mac(sid: str, dashboard: str, key: bytes) -> str:
    return hmac.new(key, f"{dashboard}.{sid}".encode(), hashlib.sha256).hexdigest()
