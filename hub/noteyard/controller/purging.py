"""The loop of purges: deletes what removed people left behind, where an administrator wants that.

First all that still goes on ends, then files and objects go, and the rows that name them last: a crash in between
leaves a row of something that is gone, for one turn, and never data that nobody knows.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

import structlog

from noteyard.backends import Platform
from noteyard.controller.context import Context
from noteyard.controller.people import Hub, gone_from_hub
from noteyard.errors import NoteyardError
from noteyard.objects import dashboard_prefix, run_prefix
from noteyard.store import purging

log = structlog.get_logger(__name__)

BATCH = 50


@dataclass
class PurgeLoop:
    """One turn takes each purge as far as it can go; repeated until all is gone."""

    context: Context
    hub: Hub
    platform: Platform

    async def turn(self) -> None:
        failures: list[Exception] = []
        for person, wanted in await asyncio.to_thread(self._wanted):
            try:
                await self._purge(person, wanted)
            except (NoteyardError, OSError) as error:
                # A file that can't be deleted must not keep others' data from going.
                error.add_note(f"while purging the data of {person}")
                failures.append(error)
        if failures:
            raise ExceptionGroup("purges not finished", failures)

    async def _purge(self, person: str, wanted: datetime) -> None:
        if not await gone_from_hub(self.hub, person) or not await self._all_ended(person):
            return  # still stopping; the next turn looks again
        await self._purge_runs(person)
        await self._purge_dashboards(person)
        if not await self.platform.purge(person):
            return  # the next turn goes on
        await asyncio.to_thread(self._finish, person, wanted)
        log.info("data purged", person=person)

    async def _all_ended(self, person: str) -> bool:
        if await asyncio.to_thread(self._stop_all, person):
            return False
        runs, dashboards = await asyncio.to_thread(self._left, person)
        attempts = {id.partition(".")[0] for id in await self.context.runner.observe()}
        workloads = {id.partition(".")[0] for id in await self.context.workload_host.observe()}
        return attempts.isdisjoint(runs) and workloads.isdisjoint(dashboards)

    async def _purge_runs(self, person: str) -> None:
        while runs := await asyncio.to_thread(self._some_runs, person):
            for run in runs:
                await self.context.objects.delete_prefix_async(run_prefix(run))
            await asyncio.to_thread(self._delete_runs, runs)

    async def _purge_dashboards(self, person: str) -> None:
        _, dashboards = await asyncio.to_thread(self._left, person)
        for dashboard in dashboards:
            await self.context.objects.delete_prefix_async(dashboard_prefix(dashboard))
        await asyncio.to_thread(self._delete_dashboards, dashboards)

    def _wanted(self) -> list[tuple[str, datetime]]:
        with self.context.database.read() as session:
            return purging.wanted_purges(session)

    def _stop_all(self, person: str) -> set[str]:
        with self.context.write() as session:
            return purging.stop_all_of(session, person)

    def _left(self, person: str) -> tuple[list[str], list[str]]:
        with self.context.database.read() as session:
            return purging.runs_to_purge(session, person), purging.dashboards_to_purge(session, person)

    def _some_runs(self, person: str) -> list[str]:
        with self.context.database.read() as session:
            return purging.runs_to_purge(session, person, BATCH)

    def _delete_runs(self, runs: list[str]) -> None:
        with self.context.write() as session:
            purging.delete_runs(session, runs)

    def _delete_dashboards(self, dashboards: list[str]) -> None:
        with self.context.write() as session:
            purging.delete_dashboards(session, dashboards)

    def _finish(self, person: str, wanted: datetime) -> None:
        with self.context.write() as session:
            purging.delete_rest(session, person)
            purging.note_purged(session, person, wanted)
