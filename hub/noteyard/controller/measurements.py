"""What the controller tells Prometheus of the installation: runs that wait or execute, dashboards that are awake."""

from functools import partial

from prometheus_client import REGISTRY, CollectorRegistry
from sqlalchemy import func, select

from noteyard.domain import ENDED, LIVE_WORKLOAD, RunState
from noteyard.metrics import CountsByLabel, name_part
from noteyard.store import Database
from noteyard.store.tables import Run
from noteyard.store.workload_tables import WorkloadProcess

OPEN = [state for state in RunState if state not in ENDED]


def measure(database: Database, registry: CollectorRegistry = REGISTRY) -> None:
    """Register the installation's gauges; once a process."""
    name_part("controller", registry)
    runs = partial(_open_runs, database)
    dashboards = partial(_live_dashboards, database)
    registry.register(CountsByLabel("noteyard_open_runs", "Runs that have not ended, by state.", "state", runs))
    registry.register(
        CountsByLabel("noteyard_dashboard_processes", "Processes of dashboards, by state.", "state", dashboards)
    )


def _open_runs(database: Database) -> list[tuple[str, int]]:
    with database.read() as session:
        query = select(Run.state, func.count()).where(Run.state.in_(OPEN)).group_by(Run.state)
        found = {str(state): count for state, count in session.execute(query)}
    return [(state, found.get(state, 0)) for state in OPEN]


def _live_dashboards(database: Database) -> list[tuple[str, int]]:
    live = sorted(LIVE_WORKLOAD)
    with database.read() as session:
        query = select(WorkloadProcess.state, func.count()).where(WorkloadProcess.state.in_(live))
        found = {str(state): count for state, count in session.execute(query.group_by(WorkloadProcess.state))}
    return [(state, found.get(state, 0)) for state in live]
