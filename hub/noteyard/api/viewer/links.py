"""The stable links on the hub's host: `/d/<slug>/` leads to the dashboard's own host, by a ticket after a login."""

from urllib.parse import quote

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from noteyard.access import may_open
from noteyard.api.dashboard_access import looked_at_as_administrator
from noteyard.api.dependencies import Config, Db, RequestId, Urls
from noteyard.api.identity import has_first_password, read_browser
from noteyard.api.pages import page
from noteyard.domain import Audience
from noteyard.errors import NotFound
from noteyard.store.dashboards import get_dashboard
from noteyard.store.schedules import shares_of
from noteyard.store.sessions import issue_ticket

router = APIRouter(include_in_schema=False)


@router.get("/d/{slug}")
@router.get("/d/{slug}/")
def open_dashboard(
    slug: str, request: Request, database: Db, settings: Config, urls: Urls, request_id: RequestId
) -> Response:
    """Send the browser on; whether the dashboard exists is told only to those who may open it."""
    query = request.url.query
    suffix = f"?{query}" if query else ""
    here = quote(f"/d/{slug}/{suffix}")
    browser = read_browser(request)
    if browser is not None and has_first_password(request, browser[1]):
        return RedirectResponse(f"{urls.hub}/portal/account?next={here}", 302)
    # The public gets no ticket and waits for no writer.
    with database.read() if browser is None else database.write() as session:
        try:
            dashboard = get_dashboard(session, slug)
        except NotFound:
            dashboard = None
        person = browser[1] if browser else None
        if dashboard is not None:
            shares = shares_of(session, "dashboard", dashboard.id)
            audience = Audience(dashboard.audience)
            if may_open(person, dashboard.owner, audience, shares, admin_access=settings.admin_access):
                if browser is None:
                    return RedirectResponse(f"{urls.app(slug)}/{suffix}", 302)
                looked_at_as_administrator(session, dashboard, person, "page", request_id)
                ticket = issue_ticket(session, browser[0], dashboard.id, query)
                return _without_referrer(RedirectResponse(f"{urls.app(slug)}/.noteyard/ticket?t={ticket}", 302))
    if browser is None:
        return RedirectResponse(f"{urls.hub}/portal/login?next={here}", 302)
    return page(request, "dashboard_missing.html", 404, slug=slug)


def _without_referrer(response: Response) -> Response:
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response
