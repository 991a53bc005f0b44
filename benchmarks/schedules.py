"""1,000 schedules that are due in the same minute: each fires once, and how late. Only the execution is faked."""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path

from noteyard.controller.context import Context
from noteyard.controller.loops import Loop, run_loops
from noteyard.controller.runs import RunLoop
from noteyard.controller.schedules import ScheduleLoop
from noteyard.domain import FINAL, FireState, RunState
from noteyard.schedule_changes import Plan, create_schedule
from noteyard.settings import Runs
from noteyard.store import Database
from noteyard.store.attempts import Ending, claim, settle
from noteyard.store.migrate import migrate
from noteyard.store.tables import Run, ScheduleFire
from noteyard.store.types import now
from sqlalchemy import func, select

from benchmarks.measuring import Row, percentile, seconds
from tests.support.postgres import postgres
from tests.support.product import Product
from tests.support.rows import add_person, add_some_release
from tests.support.scripted import ScriptedRunner, context

COUNT, PEOPLE = 1000, 50
LONGEST_SECONDS = 240


def measure(product: Product | None, folder: Path, rounds: int) -> Iterator[Row]:
    del product, rounds  # the store and the loops alone, once
    yield _row("SQLite", f"sqlite:///{folder / 'schedules.db'}", folder)
    if shutil.which("initdb") is None and not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        print("  PostgreSQL is not installed: not measured")
        return
    with ExitStack() as stack:
        yield _row("PostgreSQL", stack.enter_context(postgres()), folder)


def _row(name: str, url: str, folder: Path) -> Row:
    database = Database(url)
    try:
        migrate(database)
        due = _make(database)
        (folder / name).mkdir()
        asyncio.run(_work(database, folder / name))
        fired, started = _delays(database, due)
    finally:
        database.close()
    texts = [
        f"{what} p50 {seconds(percentile(delays, 50))}, p99 {seconds(percentile(delays, 99))}"
        for what, delays in (
            ("fired", fired),
            ("over", started),
        )
    ]
    print(f"  {name}: {'; '.join(texts)}", flush=True)
    return Row(f"1,000 schedules due at once, {name}: each fired exactly once", "", "; ".join(texts))


def _make(database: Database) -> datetime:
    """Schedules of many people, all due at the next full minute that is far enough to make them before."""
    due = (now() + timedelta(seconds=65)).replace(second=0, microsecond=0)
    cron = f"{due.minute} {due.hour} * * *"
    with database.write() as session:
        for number in range(PEOPLE):
            name = f"person{number}"
            add_person(session, name)
            release = add_some_release(session, name, f"report{number}.ipynb")
            for _ in range(COUNT // PEOPLE):
                create_schedule(session, Plan(name="daily", release=release, cron=cron, timezone="UTC"), name)
    return due


async def _work(database: Database, folder: Path) -> None:
    """The controller's loops at their own pace until all runs are over; runs end as soon as they have started."""
    runner = ScriptedRunner()
    leading = context(database, folder, runner, runs=Runs(concurrent=64, concurrent_per_person=4))
    finished = asyncio.Event()

    async def watch() -> None:
        if await asyncio.to_thread(_over, database) == COUNT:
            finished.set()

    loops = asyncio.ensure_future(
        run_loops(
            [
                Loop("schedules", ScheduleLoop(leading).turn, 0.5),
                Loop("runs", RunLoop(leading).turn, 0.25),
                Loop("end", watch, 0.5),
                Loop("execution", lambda: asyncio.to_thread(_execute, leading, runner), 0.05),
            ]
        )
    )
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            await finished.wait()
    finally:
        loops.cancel()
        await asyncio.gather(loops, return_exceptions=True)


def _execute(leading: Context, runner: ScriptedRunner) -> None:
    """What workers would do, at once: claim, succeed, end."""
    begun, runner.started = runner.started, []
    for start in begun:
        with leading.database.write() as session:
            run, attempt = claim(session, start.id, start.token, start.token)
            settle(session, run, attempt, Ending(RunState.SUCCEEDED), leading.settings.runs)
        runner.die(start.id, "ended")


def _over(database: Database) -> int:
    with database.read() as session:
        return session.scalar(select(func.count()).where(Run.state.in_(FINAL))) or 0


def _delays(database: Database, due: datetime) -> tuple[list[float], list[float]]:
    """Seconds from due to fired and to the run's end. RuntimeError unless each schedule has one fire and one run."""
    with database.read() as session:
        fires = list(session.execute(select(ScheduleFire.schedule, ScheduleFire.state, ScheduleFire.created)))
        runs = list(session.execute(select(Run.schedule, Run.ended).where(Run.ended.is_not(None))))
    for what, schedules in (("fires", [row[0] for row in fires]), ("runs", [row[0] for row in runs])):
        if len(schedules) != COUNT or len(set(schedules)) != COUNT:
            raise RuntimeError(f"{len(schedules)} {what} of {len(set(schedules))} schedules, not {COUNT}")
    if any(row[1] != FireState.FIRED for row in fires):
        raise RuntimeError("a due time was not fired")
    return [(row[2] - due).total_seconds() for row in fires], [
        (row[1] - due).total_seconds() for row in runs if row[1] is not None
    ]
