"""Dashboards: the gallery, a dashboard's page for those who manage it, and what can be done with one."""

from urllib.parse import quote

from fastapi import APIRouter, Response

from noteyard.access import Action, allowed, may_open
from noteyard.api import dashboards as rest
from noteyard.api.models import DashboardChange, DashboardModel, RollbackRequest, Transfer
from noteyard.api.portal.desk import AtDesk, Desk
from noteyard.api.portal.forms import Sent, SentForm, body, errors_by_field
from noteyard.api.portal.publishing import AUDIENCES, settings_of
from noteyard.api.portal.sharing import shares_with
from noteyard.domain import Role, Sharing
from noteyard.errors import Conflict, NoteyardError

router = APIRouter(prefix="/portal/dashboards", include_in_schema=False)


@router.get("")
def gallery(desk: Desk, cursor: str | None = None, every: bool = False) -> Response:
    found = rest.list_all(desk.person, desk.database, desk.urls, every, cursor, 48)
    opens = {dashboard.slug for dashboard in found.items if _opens(desk, dashboard)}
    return desk.page("dashboards.html", found=found, every=every, opens=opens)


@router.get("/{slug}")
def dashboard(desk: Desk, slug: str) -> Response:
    return _page(desk, slug)


@router.get("/{slug}/state")
def state(desk: Desk, slug: str) -> Response:
    """The part of the page that changes by itself."""
    found = rest.show(slug, desk.person, desk.database, desk.settings, desk.urls)
    return desk.page("dashboard_state.html", dashboard=found, may=_may(desk, found))


@router.post("/{slug}/change")
def change(desk: Desk, slug: str, sent: SentForm) -> Response:
    try:
        wanted = body(DashboardChange, settings_of(desk, sent))
        rest.change(slug, wanted, **desk.parts)
    except NoteyardError as error:
        return _page(desk, slug, sent, error)
    return desk.go(_address(slug), "Saved.")


@router.post("/{slug}/rollback")
def rollback(desk: Desk, slug: str, sent: SentForm) -> Response:
    wanted = body(RollbackRequest, {"version": sent.text("version")})
    rest.rollback(slug, wanted, **desk.parts)
    return desk.go(_address(slug), f"Version {wanted.version} is shown now.")


@router.post("/{slug}/sleep")
def sleep(desk: Desk, slug: str) -> Response:
    rest.sleep(slug, **desk.parts)
    return desk.go(_address(slug), "It goes to sleep; the next visit wakes it.")


@router.post("/{slug}/wake")
def wake(desk: Desk, slug: str) -> Response:
    rest.wake_up(slug, desk.person, desk.database, desk.settings, desk.urls)
    return desk.go(_address(slug), "It is waking up.")


@router.post("/{slug}/shares")
def share(desk: Desk, slug: str, sent: SentForm) -> Response:
    present = rest.show(slug, desk.person, desk.database, desk.settings, desk.urls)
    rest.share(slug, shares_with(desk, present.shares, sent), **desk.parts)
    return desk.go(_address(slug), "Sharing is changed.")


@router.post("/{slug}/transfer")
def transfer(desk: Desk, slug: str, sent: SentForm) -> Response:
    to = body(Transfer, {"owner": sent.text("owner")})
    rest.transfer(slug, to, **desk.parts)
    mine = desk.person.admin or to.owner == desk.person.name
    return desk.go(_address(slug) if mine else "/portal/dashboards", f"It belongs to {to.owner} now.")


@router.post("/{slug}/delete")
def take_down(desk: Desk, slug: str, sent: SentForm) -> Response:
    if sent.text("confirm") != slug:
        raise Conflict("It was not taken down: what was typed is not its name.", f"Type {slug} to confirm.")
    rest.delete(slug, desk.person, desk.database, desk.settings, desk.request_id)
    return desk.go("/portal/dashboards", "The dashboard is taken down; its link is free.")


def _page(desk: AtDesk, slug: str, sent: Sent | None = None, error: NoteyardError | None = None) -> Response:
    found = rest.show(slug, desk.person, desk.database, desk.settings, desk.urls)
    texts = _texts(found)
    if sent:
        texts = {name: sent.text(name) for name in texts}
    return desk.page(
        "dashboard.html",
        error.status if error else 200,
        dashboard=found,
        may=_may(desk, found),
        opens=_opens(desk, found),
        audiences=AUDIENCES,
        error=error,
        errors=errors_by_field(error),
        texts=texts,
    )


def _texts(dashboard: DashboardModel) -> dict[str, str]:
    viewers = [share for share in dashboard.shares if share.role is Role.VIEWER]
    return {
        "title": dashboard.title,
        "description": dashboard.description,
        "audience": dashboard.audience.value,
        "people": ", ".join(share.name for share in viewers if share.kind == "person"),
        "groups": ", ".join(share.name for share in viewers if share.kind == "group"),
        "reads_viewer": "yes" if dashboard.reads_viewer else "",
    }


def _may(desk: AtDesk, dashboard: DashboardModel) -> set[str]:
    shares = [Sharing(share.kind, share.name, share.role) for share in dashboard.shares if share.role is Role.MANAGER]
    return {action.value for action in Action if allowed(desk.person, action, dashboard.owner, shares)}


def _opens(desk: AtDesk, dashboard: DashboardModel) -> bool:
    """Whether the person may open it; administrators are shown also what they may not."""
    shares = [Sharing(share.kind, share.name, share.role) for share in dashboard.shares]
    access = desk.settings.admin_access
    return not desk.person.admin or may_open(
        desk.person, dashboard.owner, dashboard.audience, shares, admin_access=access
    )


def _address(slug: str) -> str:
    return f"/portal/dashboards/{quote(slug)}"
