"""The loop of dashboards: renders new versions, keeps awake ones up, lets idle ones sleep, ends what is not wanted."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy.orm import Session

from noteyard.backends.base import Observed, Start
from noteyard.controller.context import Context
from noteyard.domain import LIVE_WORKLOAD, WorkloadState
from noteyard.errors import NoteyardError, not_started
from noteyard.store.dashboards import get_version, live_processes, pending_version, restless_dashboards
from noteyard.store.lease import LostLease
from noteyard.store.releases import get_release
from noteyard.store.types import now
from noteyard.store.workload_tables import Dashboard, WorkloadProcess
from noteyard.store.workloads import begin_process, end_process

log = structlog.get_logger(__name__)

UNCLAIMED = timedelta(seconds=10)
RENDER_AGE = timedelta(hours=1)
"""A dashboard that wakes renders again when its last rendering is older."""
BACKOFF_BASE = 5.0
BACKOFF_CAP = 600.0


@dataclass
class WorkloadLoop:
    """One turn makes the dashboards' desired state a little truer; every step can be repeated after a crash."""

    context: Context

    async def turn(self) -> None:
        seen = await self.context.workload_host.observe()
        for start in await asyncio.to_thread(self._plan, seen):
            await self._launch(start)
        await self._delete_unwanted(seen)

    def _plan(self, seen: Mapping[str, Observed]) -> list[Start]:
        starts: list[Start] = []
        with self.context.database.read() as session:
            if not restless_dashboards(session):
                return starts
        with self.context.write() as session:
            for process in live_processes(session):
                self._check(session, process, seen.get(process.id))
            for dashboard in restless_dashboards(session):
                start = self._reconcile(session, dashboard)
                if start is not None:
                    starts.append(start)
        return starts

    def _check(self, session: Session, process: WorkloadProcess, found: Observed | None) -> None:
        gone = found is None or found.ended
        silent = now() - (process.heartbeat or process.created) > timedelta(
            seconds=4 * self.context.settings.runs.lost_after_seconds
        )
        unclaimed = process.claimed is None and now() - process.created < UNCLAIMED and found is None
        if unclaimed or not (gone or silent):
            return
        never_began = process.claimed is None and found is None
        if process.stop or never_began or (process.heartbeat or process.created) < self.context.began:
            end_process(session, process, None)
            return
        reason = (found.reason if found is not None else None) or ("its process is gone" if gone else "it hangs")
        error = {"cell": None, "name": "Lost", "message": f"The dashboard's process ended: {reason}.", "traceback": ""}
        end_process(session, process, {**error, "hint": None})

    def _reconcile(self, session: Session, dashboard: Dashboard) -> Start | None:
        processes = live_processes(session, dashboard.id)
        if dashboard.deleted is not None:
            _unwanted(processes)
            return None
        pending = pending_version(session, dashboard.id)
        self._let_sleep(dashboard, processes)
        wanted = {pending.number} if pending is not None else set()
        if dashboard.awake and dashboard.current is not None:
            wanted.add(dashboard.current)
        ready = {p.version for p in processes if p.state == WorkloadState.READY and not p.stop}
        _unwanted([p for p in processes if p.version not in wanted and not _still_serves(p, dashboard, ready)])
        waiting = dashboard.not_before is not None and dashboard.not_before > now()
        for version in sorted(wanted, reverse=True):
            if any(p.version == version and not p.stop for p in processes):
                continue
            if version == dashboard.current and (waiting or self._back_off(dashboard)):
                continue
            return self._begin(session, dashboard, version, pending is not None and version == pending.number)
        return None

    def _let_sleep(self, dashboard: Dashboard, processes: list[WorkloadProcess]) -> None:
        idle = timedelta(minutes=self.context.settings.dashboards.idle_minutes)
        seen = [dashboard.last_visit or dashboard.created, *(p.last_activity for p in processes if p.last_activity)]
        if dashboard.awake and not any(p.sessions for p in processes) and now() - max(seen) > idle:
            dashboard.awake = False
            log.info("dashboard sleeps", dashboard=dashboard.id)

    def _back_off(self, dashboard: Dashboard) -> bool:
        if not dashboard.failures or dashboard.not_before is not None:
            dashboard.not_before = None
            return False
        delay = min(BACKOFF_CAP, BACKOFF_BASE * 2 ** (dashboard.failures - 1))
        dashboard.not_before = now() + timedelta(seconds=delay)
        return True

    def _begin(self, session: Session, dashboard: Dashboard, version: int, pending: bool) -> Start:
        row = get_version(session, dashboard.id, version)
        stale = row.rendered is None or now() - row.rendered > RENDER_AGE
        id, token = begin_process(session, dashboard, version, pending or stale, self.context.epoch)
        log.info("dashboard starts", workload=id, render=pending or stale)
        return Start(id, token, get_release(session, row.release).profile, dashboard.publisher)

    async def _launch(self, start: Start) -> None:
        try:
            await self.context.workload_host.apply(start)
        except NoteyardError as error:
            with self.context.write() as session:
                end_process(session, session.get_one(WorkloadProcess, start.id), not_started(error))

    async def _delete_unwanted(self, seen: Mapping[str, Observed]) -> None:
        if not seen:
            return
        with self.context.database.read() as session:
            rows = {id: session.get(WorkloadProcess, id) for id in seen}
        unwanted = [id for id, row in rows.items() if row is None or row.stop or row.state not in LIVE_WORKLOAD]
        ends = await asyncio.gather(*(self._delete(id, rows[id]) for id in unwanted), return_exceptions=True)
        for id, end in zip(unwanted, ends, strict=True):
            if isinstance(end, LostLease):
                raise end
            if isinstance(end, Exception):
                # The next turn tries again; meanwhile it holds up no other.
                log.error("dashboard's process could not be ended", workload=id, exc_info=end)

    async def _delete(self, id: str, row: WorkloadProcess | None) -> None:
        await self.context.workload_host.delete(id)
        if row is None:
            return
        with self.context.write() as session:
            end_process(session, session.get_one(WorkloadProcess, id, with_for_update=True), None)


def _unwanted(processes: list[WorkloadProcess]) -> None:
    for process in processes:
        process.stop = True


def _still_serves(process: WorkloadProcess, dashboard: Dashboard, ready: set[int]) -> bool:
    """An older version's process stays until the current one is ready, so that viewers see no gap."""
    return dashboard.awake and process.state == WorkloadState.READY and dashboard.current not in ready
