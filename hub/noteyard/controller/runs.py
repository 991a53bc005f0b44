"""The loop of runs: settles attempts that vanished, stops what should stop, starts what may start."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from noteyard.backends.base import Observed, Start
from noteyard.controller.context import Context
from noteyard.controller.starts import start_of
from noteyard.controller.watch import Watch
from noteyard.domain import RunState, Target
from noteyard.errors import NoteyardError, Unavailable, not_started
from noteyard.profiles import find_profile, offered
from noteyard.store.attempts import (
    Ending,
    attempt_id,
    begin_attempt,
    current_attempts,
    interrupted_runs,
    overrule,
    parse_attempt_id,
    requeue_interrupted,
    settle,
    times_displaced,
    wait_before,
)
from noteyard.store.images import goes_without
from noteyard.store.runs import active_counts, fair_order, locked_run, waiting_runs
from noteyard.store.s3_keys import revoke_subject
from noteyard.store.sessions import person_of
from noteyard.store.tables import Account, Attempt, Run
from noteyard.store.types import now
from noteyard.tokens import renew_token

log = structlog.get_logger(__name__)

UNCLAIMED = timedelta(seconds=3)
ANEW = "It begins again after a pause, and uses up no retry."
MOST_DISPLACED = 5
"""So many attempts in a row that a node refused use up no retry."""
WITHOUT = "It begins again with the profile's image of today."
OVERTIME = timedelta(seconds=60)
"""Workers end at their timeout by themselves; one that is this much over it hangs."""


@dataclass
class RunLoop:
    """One turn makes the runs' desired state a little truer; every step can be repeated after a crash."""

    context: Context
    watch: Watch = field(default_factory=Watch)

    @property
    def _ending(self) -> timedelta:
        return timedelta(seconds=self.context.runner.ending_seconds)

    async def turn(self) -> None:
        seen = await self.context.runner.observe()
        self.watch.look(seen)
        await self._settle(seen)
        await self._clean(seen)
        await asyncio.to_thread(self._requeue, seen)
        await self._start(seen)

    def _requeue(self, seen: Mapping[str, Observed]) -> None:
        # A look first: writers queue for one lock, and there is mostly nothing to write.
        with self.context.database.read() as session:
            if not interrupted_runs(session):
                return
        with self.context.write() as session:
            ending: set[str] = set()
            for run in interrupted_runs(session):
                found = seen.get(attempt_id(run.id, run.attempt))
                if found is not None and not found.ended:
                    ending.add(run.id)  # why it ends is known when it has ended
                elif found is not None and found.exceeded:
                    attempt = session.get_one(Attempt, (run.id, run.attempt))
                    overrule(session, run, attempt, self._vanished(attempt, found), self.context.settings.runs)
            requeue_interrupted(session, but=ending)

    async def _settle(self, seen: Mapping[str, Observed]) -> None:
        with self.context.database.read() as session:
            current = current_attempts(session)
        for run, attempt in current:
            id = attempt_id(run.id, attempt.number)
            try:
                await self._settle_one(run, attempt, id, seen.get(id))
            except (NoteyardError, OSError):
                # A process that can't be ended, or started, must not keep the other runs from going on.
                log.exception("attempt not settled", attempt=id)

    async def _settle_one(self, run: Run, attempt: Attempt, id: str, found: Observed | None) -> None:
        if found is not None and not found.ended:
            await self._watch(run, attempt, found)
        elif attempt.claimed is None and (found is None or found.asleep):
            await self._start_again(run, attempt, id)
        else:
            await asyncio.to_thread(self._end, run.id, attempt.number, self._vanished(attempt, found), found)

    async def _watch(self, run: Run, attempt: Attempt, found: Observed) -> None:
        id = found.id
        claimed = self.watch.lasted(id, "claimed", attempt.claimed)
        over = (
            run.timeout is not None
            and attempt.claimed is not None
            and claimed > timedelta(seconds=run.timeout) + OVERTIME
        )
        silent = self.watch.is_silent(found, attempt.heartbeat or attempt.created, self.context.settings.runs)
        wanted = self.watch.lasted(id, "target", run.target)
        cancelled = run.target is Target.CANCEL
        if over or silent or (cancelled and wanted >= self._ending):
            await self.context.runner.stop(id, kill=True)
            await asyncio.to_thread(self._end, run.id, attempt.number, _killed(run, over))
        elif cancelled:
            await self.context.runner.stop(id)

    async def _start_again(self, run: Run, attempt: Attempt, id: str) -> None:
        # A crash came between the attempt's row and its process. The new token shuts out a process we do not see.
        if now() - attempt.created < UNCLAIMED:
            return
        if run.target is Target.CANCEL:
            await asyncio.to_thread(self._end, run.id, attempt.number, Ending(RunState.CANCELLED))
            return
        with self.context.write() as session:
            locked_run(session, run.id)
            row = session.get_one(Attempt, (run.id, attempt.number), with_for_update=True)
            if row.claimed is not None or row.ended is not None:
                return
            token = renew_token(row)
            row.created = now()
            start = start_of(session, id, token, run.release, run.owner, run.timeout)
        log.info("attempt started again", attempt=id, request_id=run.request_id)
        await self._launch(start, run)

    def _vanished(self, attempt: Attempt, found: Observed | None) -> Ending:
        # Its process may be gone without a trace, or its end be known: it ended with the installation either way.
        if attempt.heartbeat is not None and attempt.heartbeat < self.context.began:
            return Ending(RunState.INTERRUPTED)
        if found is not None and found.pending and found.reason is not None:
            return Ending(RunState.FAILED, not_started(NoteyardError(found.reason, found.hint)))
        reason = found.reason if found is not None and found.reason else "its process is gone"
        what = "The worker ended before it began" if attempt.claimed is None else "The worker vanished"
        hint = found.hint if found is not None else None
        error = {"cell": None, "name": "Lost", "message": f"{what}: {reason}.", "traceback": "", "hint": hint}
        return Ending(RunState.LOST, error)

    def _end(self, run_id: str, number: int, ending: Ending, found: Observed | None = None) -> None:
        with self.context.write() as session:
            run = locked_run(session, run_id)
            attempt = session.get_one(Attempt, (run_id, number))
            anew = self._begins_anew(session, run, attempt, found) if found is not None else None
            if anew is not None:
                error = {**ending.error, "hint": anew} if ending.error is not None else None
                ending = replace(ending, state=RunState.INTERRUPTED, error=error)
            if attempt.ended is None and ending.state is RunState.LOST and run.target is Target.CANCEL:
                ending = Ending(RunState.CANCELLED)
            if attempt.ended is None and ending.error is not None:
                ending.error["cell"] = run.cell
            settle(session, run, attempt, ending, self.context.settings.runs)
            revoke_subject(session, "run", run_id)
        log.info("attempt ended", attempt=attempt_id(run_id, number), state=ending.state, request_id=run.request_id)

    def _begins_anew(self, session: Session, run: Run, attempt: Attempt, found: Observed) -> str | None:
        """The hint of an attempt that ended through no fault of its run, which uses up no retry; None else."""
        if attempt.ended is not None:
            return None
        if found.missing_image is not None and goes_without(session, found.missing_image, attempt.created):
            return WITHOUT
        if not found.displaced or attempt.claimed is not None or run.target is Target.CANCEL:
            return None
        tries = times_displaced(session, run.id)
        if tries >= MOST_DISPLACED:
            return None
        wait_before(run, tries + 1, self.context.settings.runs)
        return ANEW

    async def _clean(self, seen: Mapping[str, Observed]) -> None:
        if not seen:
            return
        with self.context.database.read() as session:
            current = {attempt_id(run.id, attempt.number) for run, attempt in current_attempts(session)}
            over = {id: _ended_at(session.get(Attempt, parse_attempt_id(id))) for id in seen if id not in current}
        for id, ended in over.items():
            if not seen[id].ended and ended is not None and self.watch.lasted(id, "ended", ended) < self._ending:
                continue  # it has reported its end and is on its way out
            try:
                await self.context.runner.stop(id, kill=True)
                await self.context.runner.clean(id)
            except (NoteyardError, OSError):
                # What hangs in the kernel, or a folder that can't be removed, must not keep other runs from starting.
                log.exception("attempt not cleaned", attempt=id)

    async def _start(self, seen: Mapping[str, Observed]) -> None:
        limits = self.context.settings.runs
        with self.context.database.read() as session:
            # While the attempt before is not proven dead, a run takes nobody's place.
            waiting = [run for run in waiting_runs(session, now()) if attempt_id(run.id, run.attempt) not in seen]
            if not waiting:
                return
            active = active_counts(session)
        for run in fair_order(waiting, active, limits.concurrent, limits.concurrent_per_person):
            with self.context.write() as session:
                row = locked_run(session, run.id)
                if row.state != RunState.QUEUED:
                    continue
                token = begin_attempt(session, row, self.context.epoch)
                id = attempt_id(row.id, row.attempt)
                start = start_of(session, id, token, row.release, row.owner, row.timeout)
            log.info("attempt starts", attempt=start.id, request_id=row.request_id)
            await self._launch(start, row)

    async def _launch(self, start: Start, run: Run) -> None:
        try:
            await asyncio.to_thread(self._check_profile, start)
            await self.context.runner.start(start)
        except (Unavailable, OSError):
            # The attempt's row is there: a later turn sees that nothing came of it, and starts it again.
            log.exception("attempt not started yet", attempt=start.id)
        except NoteyardError as error:
            _, number = parse_attempt_id(start.id)
            await asyncio.to_thread(self._end, run.id, number, Ending(RunState.FAILED, not_started(error)))

    def _check_profile(self, start: Start) -> None:
        # Whom a profile is open to may have changed since the release was made, or the schedule.
        profile = find_profile(self.context.settings, start.profile)
        if profile is None or not profile.groups:
            return
        with self.context.database.read() as session:
            person = person_of(session, session.get_one(Account, start.person))
        if not offered([profile], person.groups):
            raise NoteyardError(
                f"The profile {profile.name!r} is not open to {start.person} any more.",
                "Ask an administrator for it, or run a release that was made in another profile.",
            )


def _ended_at(attempt: Attempt | None) -> datetime | None:
    return attempt.ended if attempt is not None else None


def _killed(run: Run, over: bool) -> Ending:
    if run.target is Target.CANCEL:
        return Ending(RunState.CANCELLED)
    message = (
        f"The run went on for more than its timeout of {run.timeout} s and did not stop when asked."
        if over
        else "The worker's process was there but did nothing any more; it was ended."
    )
    error = {"cell": run.cell, "name": "Hung", "message": message, "traceback": "", "hint": None}
    return Ending(RunState.TIMED_OUT if over else RunState.LOST, error)
