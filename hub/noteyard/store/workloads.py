"""A dashboard's processes: begun by the controller, claimed once by a launcher, reported on until they end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from noteyard.domain import LIVE_WORKLOAD, VersionState, WorkloadState
from noteyard.errors import Conflict, NotFound
from noteyard.store.dashboards import get_version, show_version
from noteyard.store.s3_keys import revoke_subject
from noteyard.store.types import now
from noteyard.store.workload_tables import Dashboard, WorkloadProcess
from noteyard.tokens import new_token, token_hash

UNEXPLAINED = {"cell": None, "name": "Failed", "message": "The launcher gave no reason.", "traceback": "", "hint": None}


@dataclass(frozen=True)
class Report:
    """What a launcher tells of itself. `address` is host:port once pages can be served."""

    state: WorkloadState
    address: str | None = None
    sessions: int = 0
    last_activity: datetime | None = None
    error: dict[str, Any] | None = None
    log: str | None = None


def begin_process(session: Session, dashboard: Dashboard, version: int, render: bool, epoch: int) -> tuple[str, str]:
    """A process's row, before anything is started; (id, token)."""
    token = new_token()
    dashboard.starts += 1
    id = f"{dashboard.id}.{version}.{dashboard.starts}"
    session.add(
        WorkloadProcess(
            id=id,
            dashboard=dashboard.id,
            version=version,
            render=render,
            state=WorkloadState.STARTING,
            stop=False,
            token_hash=token_hash(token),
            epoch=epoch,
            sessions=0,
            heartbeat=now(),
        )
    )
    return id, token


def process_by_token(session: Session, id: str, token: str) -> WorkloadProcess:
    """The process that a launcher's token belongs to; NotFound when it is not its."""
    process = session.get(WorkloadProcess, id, with_for_update=True)
    if process is None or process.token_hash != token_hash(token):
        raise NotFound(f"Workload {id} is not known under this token.")
    return process


def claim_process(session: Session, id: str, given: str, chosen: str) -> WorkloadProcess:
    """Take it for the one launcher that came with the token `given` and is known by `chosen` from now on.

    Repeating it changes nothing: a launcher whose answer was lost asks again. NotFound when another has it, Conflict
    when it is over or unwanted.
    """
    try:
        process = process_by_token(session, id, given)
    except NotFound:
        process = process_by_token(session, id, chosen)
    if process.state not in LIVE_WORKLOAD or process.stop:
        raise Conflict(f"Workload {id} is over, or not wanted any more.")
    process.heartbeat = now()
    if process.claimed is None:
        process.token_hash = token_hash(chosen)
        process.claimed = process.heartbeat
    return process


def report_process(session: Session, process: WorkloadProcess, report: Report) -> bool:
    """Take a launcher's report; returns whether it should stop. A version that serves has rendered."""
    process.heartbeat = now()
    if process.state not in LIVE_WORKLOAD:
        return True
    process.address = report.address or process.address
    process.sessions = report.sessions
    process.last_activity = report.last_activity or process.last_activity
    process.log = report.log if report.log is not None else process.log
    if report.state is WorkloadState.FAILED:
        end_process(session, process, report.error or UNEXPLAINED)
        return True
    process.state = report.state
    if report.state is WorkloadState.READY:
        _ready(session, process)
    return process.stop


def end_process(session: Session, process: WorkloadProcess, error: dict[str, Any] | None) -> None:
    """Record that a process is over; with an error it failed, and its version with it when it never rendered."""
    if process.state not in LIVE_WORKLOAD:
        return
    process.ended = now()
    process.sessions = 0
    revoke_subject(session, "dashboard", process.id)
    process.state = WorkloadState.STOPPED if error is None else WorkloadState.FAILED
    process.error = error
    if error is None:
        return
    dashboard = session.get_one(Dashboard, process.dashboard)
    if dashboard.current in (None, process.version):
        dashboard.failures += 1
    version = get_version(session, process.dashboard, process.version)
    if version.state == VersionState.RENDERING:
        version.state = VersionState.FAILED
        version.error = error
        version.log = process.log
    else:
        version.log = process.log


def _ready(session: Session, process: WorkloadProcess) -> None:
    dashboard = session.get_one(Dashboard, process.dashboard)
    dashboard.failures = 0
    version = get_version(session, process.dashboard, process.version)
    if version.state == VersionState.RENDERING:
        version.state = VersionState.GOOD
        version.rendered = version.rendered or now()
        if dashboard.current is None or version.number > dashboard.current:
            show_version(dashboard, version, version.published_by)
