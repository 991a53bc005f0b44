"""An attempt's life: begun by the controller, claimed once by a worker, settled once into the run's state."""

import random
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import case, func, select, update
from sqlalchemy.orm import Session

from noteyard.domain import ACTIVE, FINAL, RETRIED, RunState, Target
from noteyard.errors import Conflict, NotFound
from noteyard.retries import retry_delay
from noteyard.settings import Runs
from noteyard.store.alerts import alert_after
from noteyard.store.runs import locked_run, move
from noteyard.store.tables import Attempt, LogChunk, Run, Schedule
from noteyard.store.types import now
from noteyard.tokens import new_token, token_hash

INTERRUPTED = (Run.state == RunState.INTERRUPTED, Run.target == Target.RUN)


@dataclass(frozen=True)
class Progress:
    """What a worker reports while it executes. `log_offset` in characters of the attempt's whole log."""

    cell: int | None
    cells_done: int
    cells: int
    log_offset: int = 0
    log: str = ""


@dataclass(frozen=True)
class Ending:
    """How an attempt ended: a state, and the failure (cell, name, message, traceback, hint) when there was one."""

    state: RunState
    error: dict[str, Any] | None = None
    cells_done: int | None = None
    cells: int | None = None


def attempt_id(run: str, number: int) -> str:
    return f"{run}.{number}"


def parse_attempt_id(id: str) -> tuple[str, int]:
    """(run, number) of `r….1`; NotFound for anything else."""
    run, dot, number = id.rpartition(".")
    if not dot or not number.isdigit():
        raise NotFound(f"There is no attempt {id!r}.")
    return run, int(number)


def begin_attempt(session: Session, run: Run, epoch: int) -> str:
    """A new attempt's row, before anything is started; returns the worker's token."""
    token = new_token()
    run.attempt += 1
    session.add(
        Attempt(
            run=run.id,
            number=run.attempt,
            state=RunState.STARTING,
            token_hash=token_hash(token),
            epoch=epoch,
            heartbeat=now(),
        )
    )
    move(run, RunState.STARTING)
    if run.started is None:
        run.started = now()
    return token


def current_attempts(session: Session) -> list[tuple[Run, Attempt]]:
    """Runs under way with their attempt."""
    query = (
        select(Run, Attempt)
        .join(Attempt, (Attempt.run == Run.id) & (Attempt.number == Run.attempt))
        .where(Run.state.in_(ACTIVE))
    )
    return [(run, attempt) for run, attempt in session.execute(query)]


def attempt_by_token(session: Session, id: str, token: str) -> tuple[Run, Attempt]:
    """The run and attempt that a worker's token belongs to; NotFound when it is not its, or not any more."""
    key = parse_attempt_id(id)
    known = session.scalar(select(Attempt.token_hash).where(Attempt.run == key[0], Attempt.number == key[1]))
    if known != token_hash(token):
        raise NotFound(f"Attempt {id} is not known under this token.")
    # The run first, as the controller does: locks taken in two orders end in a deadlock.
    run = locked_run(session, key[0])
    attempt = session.get_one(Attempt, key, with_for_update=True)
    if attempt.token_hash != known:
        raise NotFound(f"Attempt {id} is not known under this token.")
    return run, attempt


def claim(session: Session, id: str, given: str, chosen: str) -> tuple[Run, Attempt]:
    """Take the attempt for the one worker that came with the token `given` and is known by `chosen` from now on.

    Repeating it changes nothing: a worker whose answer was lost asks again. NotFound when another has it, Conflict
    when it is over.
    """
    try:
        run, attempt = attempt_by_token(session, id, given)
    except NotFound:
        run, attempt = attempt_by_token(session, id, chosen)
    if attempt.ended is not None or run.attempt != attempt.number:
        raise Conflict(f"Attempt {id} is over.")
    attempt.heartbeat = now()
    if attempt.claimed is None:
        attempt.token_hash = token_hash(chosen)
        attempt.claimed = attempt.heartbeat
        attempt.state = RunState.RUNNING
        move(run, RunState.RUNNING)
    return run, attempt


def report(session: Session, run: Run, attempt: Attempt, progress: Progress) -> bool:
    """Take a worker's progress; returns whether it should stop. A chunk that is known already is dropped."""
    attempt.heartbeat = now()
    if attempt.ended is not None:
        return True
    run.cell, run.cells_done, run.cells = progress.cell, progress.cells_done, progress.cells
    if progress.log and progress.log_offset + len(progress.log) > attempt.log_size:
        known = attempt.log_size - progress.log_offset
        if known < 0:
            raise Conflict(f"The log is known up to {attempt.log_size}; the chunk begins at {progress.log_offset}.")
        text = progress.log[known:]
        session.add(LogChunk(run=run.id, number=attempt.number, offset=attempt.log_size, text=text))
        attempt.log_size += len(text)
    return run.target is Target.CANCEL


def settle(session: Session, run: Run, attempt: Attempt, ending: Ending, settings: Runs) -> None:
    """End the attempt and move the run on: over, or queued again. Repeating it changes nothing."""
    if attempt.ended is None:
        attempt.ended = now()
        _conclude(session, run, attempt, ending, settings)


def overrule(session: Session, run: Run, attempt: Attempt, ending: Ending, settings: Runs) -> None:
    """Give an attempt that was interrupted the end that the platform knows better. Repeating it changes nothing."""
    if run.state == RunState.INTERRUPTED:
        _conclude(session, run, attempt, ending, settings)


def interrupted_runs(session: Session) -> list[Run]:
    """Runs that are to be queued again."""
    return list(session.scalars(select(Run).where(*INTERRUPTED)))


def _conclude(session: Session, run: Run, attempt: Attempt, ending: Ending, settings: Runs) -> None:
    attempt.state = ending.state
    attempt.error = ending.error
    run.error = ending.error
    if ending.cells is not None:
        run.cells, run.cells_done = ending.cells, ending.cells_done or 0
    done = run.cells_done
    if ending.state is RunState.INTERRUPTED:
        move(run, RunState.CANCELLED if run.target is Target.CANCEL else RunState.INTERRUPTED)
    elif ending.state in RETRIED and run.retries_used < run.retries and run.target is Target.RUN:
        run.retries_used += 1
        wait_before(run, run.retries_used, settings)
        move(run, RunState.QUEUED)
    else:
        move(run, ending.state)
        run.cells_done = done
    if run.state in FINAL:
        _after_final(session, run)


def requeue_interrupted(session: Session, but: Collection[str] = ()) -> int:
    """Queue interrupted runs again, except some; returns how many. One that is to wait for a while still does."""
    moment = now()
    result = session.execute(
        update(Run)
        .where(*INTERRUPTED, Run.id.not_in(but))
        .values(
            state=RunState.QUEUED,
            cells_done=0,
            cell=None,
            not_before=case((Run.not_before > moment, Run.not_before), else_=moment),
        )
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def times_displaced(session: Session, run: str) -> int:
    """How many attempts of the run, up to the one before its present one, were interrupted in a row unclaimed."""
    count = 0
    for attempt in reversed(attempts_of(session, run)[run][:-1]):
        if attempt.state is not RunState.INTERRUPTED or attempt.claimed is not None:
            break
        count += 1
    return count


def wait_before(run: Run, tries: int, settings: Runs) -> None:
    """Let the run wait before it is started again, longer with each try (from 1)."""
    delay = retry_delay(tries, settings.retry_base_seconds, settings.retry_cap_seconds, random.random)
    run.not_before = now() + timedelta(seconds=delay)


def log_text(session: Session, run: str, number: int, offset: int = 0) -> str:
    """The attempt's log from an offset in characters."""
    query = (
        select(LogChunk.offset, LogChunk.text)
        .where(LogChunk.run == run, LogChunk.number == number)
        .where(LogChunk.offset + func.length(LogChunk.text) > offset)
        .order_by(LogChunk.offset)
    )
    return "".join(text[max(0, offset - start) :] for start, text in session.execute(query))


def attempts_of(session: Session, *runs: str) -> dict[str, list[Attempt]]:
    """Attempts by run, the first first."""
    found: dict[str, list[Attempt]] = {run: [] for run in runs}
    for attempt in session.scalars(select(Attempt).where(Attempt.run.in_(runs)).order_by(Attempt.number)):
        found[attempt.run].append(attempt)
    return found


def _after_final(session: Session, run: Run) -> None:
    schedule = session.get(Schedule, run.schedule) if run.schedule else None
    if schedule is None:
        return
    alert_after(session, run, schedule)
