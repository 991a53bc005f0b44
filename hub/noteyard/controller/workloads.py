"""The loop of dashboards: renders new versions, keeps awake ones up, lets idle ones sleep, ends what is not wanted."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy.orm import Session

from noteyard.backends.base import Observed, Start
from noteyard.controller.context import Context
from noteyard.controller.starts import start_of
from noteyard.controller.watch import Watch
from noteyard.domain import LIVE_WORKLOAD, WorkloadState
from noteyard.errors import NoteyardError, Unavailable, not_started
from noteyard.store.dashboards import get_version, live_processes, pending_version, publisher_of, restless_dashboards
from noteyard.store.images import goes_without
from noteyard.store.lease import LostLease
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
    watch: Watch = field(default_factory=Watch)

    async def turn(self) -> None:
        seen = await self.context.workload_host.observe()
        self.watch.look(seen)
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
                start = self._reconciled(session, dashboard)
                if start is not None:
                    starts.append(start)
        return starts

    def _reconciled(self, session: Session, dashboard: Dashboard) -> Start | None:
        id = dashboard.id
        try:
            with session.begin_nested():
                return self._reconcile(session, dashboard)
        except (NoteyardError, ArithmeticError, LookupError, TypeError, ValueError):
            # One that can't be dealt with must not hold up the others.
            log.exception("dashboard is left as it is", dashboard=id)
            return None

    def _check(self, session: Session, process: WorkloadProcess, found: Observed | None) -> None:
        heard = process.heartbeat or process.created
        if found is None or found.asleep:
            if process.claimed is None and now() - process.created < UNCLAIMED:
                return
            never_began = process.claimed is None
            failure = _lost("its process is gone", None)
        elif found.ended or self.watch.is_silent(found, heard, self.context.settings.runs):
            never_began = False
            failure = _failure(found)
        else:
            return
        expected = process.stop or never_began or heard < self.context.began
        missing = found.missing_image if found is not None else None
        # Then it begins again at once, with the profile's image of today.
        expected |= missing is not None and goes_without(session, missing, process.created)
        end_process(session, process, None if expected else failure)

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
        delay = min(BACKOFF_CAP, BACKOFF_BASE * 2 ** min(dashboard.failures - 1, 20))
        dashboard.not_before = now() + timedelta(seconds=delay)
        return True

    def _begin(self, session: Session, dashboard: Dashboard, version: int, pending: bool) -> Start:
        row = get_version(session, dashboard.id, version)
        stale = row.rendered is None or now() - row.rendered > RENDER_AGE
        id, token = begin_process(session, dashboard, version, pending or stale, self.context.epoch)
        log.info("dashboard starts", workload=id, render=pending or stale)
        return start_of(session, id, token, row.release, publisher_of(dashboard, row))

    async def _launch(self, start: Start) -> None:
        try:
            await self.context.workload_host.apply(start)
        except (Unavailable, OSError):
            # A later turn sees that nothing came of it.
            log.exception("dashboard not started yet", workload=start.id)
        except NoteyardError as error:
            with self.context.write() as session:
                end_process(session, session.get_one(WorkloadProcess, start.id), not_started(error))

    async def _delete_unwanted(self, seen: Mapping[str, Observed]) -> None:
        if not seen:
            return
        with self.context.database.read() as session:
            unwanted = list(_ends(session, seen))
        ends = await asyncio.gather(*(self._end(end) for end in unwanted), return_exceptions=True)
        for wanted, end in zip(unwanted, ends, strict=True):
            if isinstance(end, LostLease):
                raise end
            if isinstance(end, Exception):
                # The next turn tries again; meanwhile it holds up no other.
                log.error("dashboard's process could not be ended", workload=wanted.id, exc_info=end)

    async def _end(self, wanted: "_End") -> None:
        host = self.context.workload_host
        await (host.sleep(wanted.id) if wanted.sleeps else host.delete(wanted.id))
        if not wanted.known:
            return
        with self.context.write() as session:
            end_process(session, session.get_one(WorkloadProcess, wanted.id, with_for_update=True), None)


@dataclass(frozen=True)
class _End:
    """A process to be ended; `sleeps`: its version may be started again. `known`: it has a row."""

    id: str
    sleeps: bool
    known: bool


def _ends(session: Session, seen: Mapping[str, Observed]) -> Iterator[_End]:
    for id, found in seen.items():
        process = session.get(WorkloadProcess, id)
        if process is None:
            yield _End(id, sleeps=False, known=False)
        elif process.stop or process.state not in LIVE_WORKLOAD:
            sleeps = _may_start_again(session, process)
            if not (sleeps and found.asleep):
                yield _End(id, sleeps, known=True)


def _may_start_again(session: Session, process: WorkloadProcess) -> bool:
    dashboard = session.get_one(Dashboard, process.dashboard)
    return dashboard.deleted is None and process.version == dashboard.current


def _failure(found: Observed) -> dict[str, Any]:
    if found.pending and found.reason is not None:
        return not_started(NoteyardError(found.reason, found.hint))
    return _lost(found.reason or ("its process is gone" if found.ended else "it hangs"), found.hint)


def _lost(reason: str, hint: str | None) -> dict[str, Any]:
    message = f"The dashboard's process ended: {reason}."
    return {"cell": None, "name": "Lost", "message": message, "traceback": "", "hint": hint}


def _unwanted(processes: list[WorkloadProcess]) -> None:
    for process in processes:
        process.stop = True


def _still_serves(process: WorkloadProcess, dashboard: Dashboard, ready: set[int]) -> bool:
    """An older version's process stays until the current one is ready, so that viewers see no gap."""
    shown = dashboard.awake and dashboard.current is not None
    return shown and process.state == WorkloadState.READY and dashboard.current not in ready
