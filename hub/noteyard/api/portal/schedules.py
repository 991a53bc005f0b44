"""Schedules: the list, a schedule's page, and what can be done with one."""

from urllib.parse import quote

from fastapi import APIRouter, Response
from pydantic import AwareDatetime

from noteyard.access import Action, allowed
from noteyard.api import schedules as rest
from noteyard.api.models import ScheduleModel, Transfer
from noteyard.api.portal.desk import AtDesk, Desk
from noteyard.api.portal.forms import SentForm, body
from noteyard.api.portal.sharing import shares_with
from noteyard.domain import Sharing
from noteyard.webhook_target import host_of

router = APIRouter(prefix="/portal/schedules", include_in_schema=False)

FIRES = 25


@router.get("")
def schedules(desk: Desk, cursor: str | None = None, mine: bool = False) -> Response:
    found = rest.list_all(desk.person, desk.database, desk.urls, mine, cursor, 50)
    return desk.page("schedules.html", found=found, mine=mine)


@router.get("/{id}")
def schedule(desk: Desk, id: str, before: AwareDatetime | None = None) -> Response:
    found = rest.show(id, desk.person, desk.database, desk.settings, desk.urls)
    fires = rest.fires(id, desk.person, desk.database, desk.settings, before, FIRES)
    tells = [*found.alerts.mail, *(host_of(url) for url in found.alerts.webhooks)]
    return desk.page("schedule.html", schedule=found, fires=fires, tells=tells, may=_may(desk, found))


@router.post("/{id}/pause")
def pause(desk: Desk, id: str) -> Response:
    rest.pause(id, **desk.parts)
    return desk.go(_page(id), "Paused: it fires no more until resumed.")


@router.post("/{id}/resume")
def resume(desk: Desk, id: str) -> Response:
    rest.resume(id, **desk.parts)
    return desk.go(_page(id), "Resumed.")


@router.post("/{id}/run")
def run(desk: Desk, id: str) -> Response:
    return desk.go(f"/portal/runs/{rest.run(id, **desk.parts).id}")


@router.post("/{id}/alerts/test")
def send_test(desk: Desk, id: str) -> Response:
    rest.send_test(id, **desk.parts)
    return desk.go(_page(id), "A test is on its way. What does not arrive is told here.")


@router.post("/{id}/delete")
def delete(desk: Desk, id: str) -> Response:
    rest.delete(id, desk.person, desk.database, desk.settings, desk.request_id)
    return desk.go("/portal/schedules", "The schedule is deleted; its runs are kept.")


@router.post("/{id}/shares")
def share(desk: Desk, id: str, sent: SentForm) -> Response:
    present = rest.show(id, desk.person, desk.database, desk.settings, desk.urls)
    rest.share(id, shares_with(desk, present.shares, sent), **desk.parts)
    return desk.go(_page(id), "Sharing is changed.")


@router.post("/{id}/transfer")
def transfer(desk: Desk, id: str, sent: SentForm) -> Response:
    to = body(Transfer, {"owner": sent.text("owner")})
    rest.transfer(id, to, **desk.parts)
    mine = desk.person.admin or to.owner == desk.person.name
    words = f"It belongs to {to.owner} now, and is paused until they resume it."
    return desk.go(_page(id) if mine else "/portal/schedules", words)


def _page(id: str) -> str:
    return f"/portal/schedules/{quote(id)}"


def _may(desk: AtDesk, schedule: ScheduleModel) -> set[str]:
    if schedule.deleted:
        return set()
    shares = [Sharing(share.kind, share.name, share.role) for share in schedule.shares]
    return {action.value for action in Action if allowed(desk.person, action, schedule.owner, shares)}
