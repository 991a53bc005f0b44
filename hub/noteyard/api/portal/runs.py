"""Runs: the list with its filters, a run's page and its parts, cancel, run again as it was."""

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from noteyard.access import Action, allowed, may_administer
from noteyard.api import runs as rest
from noteyard.api.models import RerunRequest
from noteyard.api.portal.desk import AtDesk, Desk
from noteyard.api.run_access import latest_attempt, read_as_administrator, run_for, run_model, run_shares
from noteyard.api.viewer.outputs import output_link
from noteyard.domain import ENDED, FINAL, RunState
from noteyard.store.attempts import attempts_of
from noteyard.store.tables import Run, Schedule

router = APIRouter(prefix="/portal/runs", include_in_schema=False)

NOTEBOOKS = 200
MOST_BOXES = 240


@router.get("")
def runs(
    desk: Desk,
    state: Annotated[list[str] | None, Query()] = None,
    notebook: str = "",
    schedule: str = "",
    owner: str = "",
    cursor: str | None = None,
) -> Response:
    states = [item for item in RunState if item.value in (state or ())]
    found = rest.list_all(
        desk.person,
        desk.database,
        desk.urls,
        states,
        owner or None,
        schedule or None,
        notebook or None,
        None,
        cursor,
        50,
    )
    chosen = {"state": [item.value for item in states], "notebook": notebook, "schedule": schedule, "owner": owner}
    return desk.page("runs.html", found=found, chosen=chosen, states=list(RunState), **_choices(desk))


@router.get("/{id}")
def run(desk: Desk, id: str) -> Response:
    return desk.page("run.html", **_run(desk, id))


@router.get("/{id}/state")
def run_state(desk: Desk, id: str) -> Response:
    """The part of the page that changes while the run goes on."""
    return desk.page("run_state.html", **_run(desk, id))


@router.get("/{id}/result")
def run_result(desk: Desk, id: str) -> Response:
    """The part of the page that appears at the end."""
    return desk.page("run_result.html", **_run(desk, id))


@router.post("/{id}/cancel")
def cancel(desk: Desk, id: str) -> Response:
    rest.cancel(id, desk.person, desk.database, desk.settings, desk.urls, desk.request_id)
    return desk.go(f"/portal/runs/{quote(id)}")


@router.post("/{id}/rerun")
def rerun(desk: Desk, id: str) -> Response:
    new = rest.rerun(id, RerunRequest(), desk.person, desk.database, desk.settings, desk.urls, desk.request_id)
    return desk.go(f"/portal/runs/{new.id}", "Started again with the same values.")


def _choices(desk: AtDesk) -> dict[str, Any]:
    with desk.database.read() as session:
        notebooks = select(Run.notebook).distinct().order_by(Run.notebook).limit(NOTEBOOKS)
        schedules = select(Schedule.id, Schedule.name).where(Schedule.deleted.is_(None)).order_by(Schedule.name)
        owners = select(Run.owner).distinct().order_by(Run.owner).limit(NOTEBOOKS)
        everybody = may_administer(desk.person)
        if not everybody:
            notebooks = notebooks.where(Run.owner == desk.person.name)
            schedules = schedules.where(Schedule.owner == desk.person.name)
        return {
            "notebooks": list(session.scalars(notebooks)),
            "schedules": [tuple(row) for row in session.execute(schedules.limit(NOTEBOOKS))],
            "owners": list(session.scalars(owners)) if everybody else [],
        }


def _run(desk: AtDesk, id: str) -> dict[str, Any]:
    with desk.database.read() as session:
        row = run_for(session, id, desk.person, Action.LIST, desk.settings)
        model = run_model(session, row, desk.urls)
        may = _may(session, desk, row)
        schedule = session.get(Schedule, row.schedule) if row.schedule else None
        return {
            "run": model,
            "may": may,
            "schedule": schedule.name if schedule else None,
            "attempts": attempts_of(session, row.id)[row.id],
            "expired": row.expired,
            "waits_until": row.not_before if row.state is RunState.QUEUED and row.attempt else None,
            "frame": _frame(session, desk, row) if "read" in may else None,
            "over": row.state in FINAL,
            "ended": row.state in ENDED,
            "boxes": row.cells if row.cells and row.cells <= MOST_BOXES else 0,
        }


def _may(session: Session, desk: AtDesk, run: Run) -> set[str]:
    shares = run_shares(session, run)
    access = desk.settings.admin_access
    return {action.value for action in Action if allowed(desk.person, action, run.owner, shares, admin_access=access)}


def _frame(session: Session, desk: AtDesk, run: Run) -> str | None:
    attempt = latest_attempt(session, run)
    if attempt is None or run.expired is not None:
        return None
    pages = [item["name"] for item in attempt.outputs if item["name"].endswith(".html")]
    if not pages:
        return None
    with desk.database.write() as writing:
        read_as_administrator(writing, run, desk.person, pages[0], desk.request.state.request_id)
    link = output_link(desk.urls, desk.request.app.state.signing_key, run.id, attempt.number, pages[0])
    failing = run.error.get("cell") if run.error else None
    return link if failing is None else f"{link}#cell-{failing}"
