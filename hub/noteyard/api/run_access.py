"""Runs as a person may see them: a run takes its shares from its schedule."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from noteyard.access import Action, allowed
from noteyard.api.models import Failure, RunModel
from noteyard.domain import Person, RunState, Sharing, Target
from noteyard.errors import Forbidden, NotFound
from noteyard.run_parameters import shown_parameters
from noteyard.settings import Settings
from noteyard.store.attempts import attempts_of
from noteyard.store.audit import record
from noteyard.store.database import by_id
from noteyard.store.runs import get_run
from noteyard.store.schedules import shares_of
from noteyard.store.tables import Attempt, Release, Run, Schedule
from noteyard.urls import PublicUrls


def run_for(session: Session, id: str, person: Person, action: Action, settings: Settings) -> Run:
    """The run, if the person may do the action; NotFound when they may not even see it, else Forbidden."""
    run = get_run(session, id)
    shares = run_shares(session, run)
    if allowed(person, action, run.owner, shares, admin_access=settings.admin_access):
        return run
    if allowed(person, Action.LIST, run.owner, shares):
        raise Forbidden(
            f"You may see that run {id} exists, but not {_words(action)}.", "Ask its owner to share it with you."
        )
    raise NotFound(f"There is no run {id!r}.", "See your runs with `yard runs` or in the portal.")


def read_as_administrator(session: Session, run: Run, person: Person, what: str, request_id: str) -> None:
    """Note in the audit list that a person reads a run's contents only because `admin_access` lets them."""
    if not allowed(person, Action.READ, run.owner, run_shares(session, run)):
        record(session, person.name, "run.read", run.id, {"owner": run.owner, "output": what}, request_id)


def run_shares(session: Session, run: Run) -> list[Sharing]:
    """The shares of the run's schedule; none when somebody else has it by now, who can't share what is not theirs."""
    schedule = session.get(Schedule, run.schedule) if run.schedule else None
    if schedule is None or schedule.owner != run.owner:
        return []
    return shares_of(session, "schedule", schedule.id)


def run_model(session: Session, run: Run, urls: PublicUrls) -> RunModel:
    """The run as the API answers it; parameters as the present attempt got them."""
    return run_models(session, [run], urls)[0]


def run_models(session: Session, runs: Sequence[Run], urls: PublicUrls) -> list[RunModel]:
    """Runs as the API answers them, in their order; as many queries for a hundred as for one."""
    attempts = attempts_of(session, *(run.id for run in runs))
    releases = by_id(session, Release, {run.release for run in runs})
    schedules = by_id(session, Schedule, {run.schedule for run in runs if run.schedule})
    return [
        _model(run, _telling(attempts[run.id]), releases[run.release], schedules.get(run.schedule or ""), urls)
        for run in runs
    ]


def _model(
    run: Run, attempt: Attempt | None, release: Release, schedule: Schedule | None, urls: PublicUrls
) -> RunModel:
    return RunModel(
        id=run.id,
        release=run.release,
        notebook=run.notebook,
        owner=run.owner,
        state=RunState(run.state),
        stopping=run.target == Target.CANCEL and run.ended is None,
        parameters=shown_parameters(run, release.schema, schedule),
        created=run.created,
        started=run.started,
        ended=run.ended,
        attempt=run.attempt,
        retries=run.retries,
        timeout=run.timeout,
        cells=run.cells,
        cells_done=run.cells_done,
        cell=run.cell,
        error=Failure(**run.error) if run.error else None,
        schedule=run.schedule,
        due=run.due,
        rerun_of=run.rerun_of,
        outputs=[item["name"] for item in attempt.outputs] if attempt and not run.expired else [],
        url=urls.run(run.id),
    )


def latest_attempt(session: Session, run: Run) -> Attempt | None:
    """The newest attempt that has outputs, else the newest."""
    return _telling(attempts_of(session, run.id)[run.id])


def _telling(attempts: list[Attempt]) -> Attempt | None:
    with_outputs = [attempt for attempt in attempts if attempt.outputs]
    known = with_outputs or attempts
    return known[-1] if known else None


def _words(action: Action) -> str:
    return {Action.READ: "read its outputs", Action.STOP: "cancel it", Action.RUN: "run it again"}.get(
        action, f"{action} it"
    )
