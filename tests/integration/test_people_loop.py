"""The loops of people and purges: the hub forgets whoever was shut out, and what removed people left is deleted."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from noteyard.backends.local.lab_folder import prepare_home
from noteyard.backends.local.platform import LocalPlatform
from noteyard.controller.context import Context
from noteyard.controller.people import PeopleLoop
from noteyard.controller.purging import PurgeLoop
from noteyard.domain import Audience, FireState, Role, RunState
from noteyard.objects import output_key, rendering_key
from noteyard.settings import Runs
from noteyard.store import Database, purging
from noteyard.store.attempts import Ending, begin_attempt, settle
from noteyard.store.people import create_person, disable_person, enable_person, get_account, remove_person
from noteyard.store.purging import Holdings, holdings_of, want_purge
from noteyard.store.tables import (
    Account,
    Attempt,
    AuditEntry,
    LogChunk,
    Message,
    Release,
    ReleaseOwner,
    Run,
    Schedule,
    ScheduleFire,
    Share,
)
from noteyard.store.types import now
from noteyard.store.workload_tables import Dashboard, DashboardVersion, WorkloadProcess
from noteyard.store.workloads import end_process
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.support.rows import add_run, add_some_release
from tests.support.scripted import Crash, ScriptedRunner, context


@dataclass
class ScriptedHub:
    """A hub whose labs end as soon as they are asked to."""

    forgotten: list[str] = field(default_factory=list)

    async def stop_lab(self, person: str) -> None: ...

    async def server(self, person: str) -> object | None:
        return None

    async def forget(self, person: str) -> None:
        self.forgotten.append(person)


async def test_somebody_enabled_again_before_the_hub_has_forgotten_them_can_log_in(
    database: Database, tmp_path: Path
) -> None:
    with database.write() as session:
        for name in ("ada", "bob"):
            create_person(session, name, "correct horse battery")
        disable_person(session, "ada")
        enable_person(session, "ada")
    hub = ScriptedHub()
    loop = PeopleLoop(context(database, tmp_path, ScriptedRunner()), hub)
    for _ in range(2):
        await loop.turn()
    assert hub.forgotten == ["ada"]
    with database.read() as session:
        account = get_account(session, "ada")
        assert (account.disabled, account.hub_cleared) == (False, True)


@pytest.fixture
def left(database: Database, tmp_path: Path) -> Context:
    """What ada and bob made; bob has one schedule of ada's by transfer, and ada was removed."""
    controller = context(database, tmp_path, ScriptedRunner())
    with database.write() as session:
        for name in ("ada", "bob"):
            create_person(session, name, "correct horse battery")
        names = ("both", "alone", "handed", "own")
        both, alone, handed, own = (add_some_release(session, "ada", f"{name}.ipynb") for name in names)
        add_some_release(session, "bob", "both.ipynb")
        for id, owner, release in (("c1", "ada", alone), ("c2", "bob", handed)):
            add_schedule(session, id, owner, release)
        runs = [add_run(session, both, "ada"), add_run(session, alone, "ada", schedule="c1")]
        runs += [add_run(session, handed, "ada", schedule="c2"), add_run(session, alone, "bob", schedule="c1")]
        add_run(session, both, "bob", rerun_of=runs[0].id)
        for run in runs:
            finish(session, run)
            controller.objects.put(output_key(run.id, 1, "notebook.html"), b"out")
        for id, owner, release in (("d1", "ada", own), ("d2", "bob", both)):
            add_dashboard(session, id, owner, release)
            controller.objects.put(rendering_key(id, 1, "card.png"), b"card")
        remove_person(session, "ada", by="root")
    for bucket in ("team", "my-ada", "my-bob"):
        folder = controller.instance.folder("s3", bucket)
        (folder / "data.csv").write_text("1,2")
    for name in ("ada", "bob"):
        home = prepare_home(controller.instance, name)
        (home / "notes.txt").write_text("mine")
    (controller.instance.home("ada") / "closed").mkdir(mode=0o500)
    return controller


def add_schedule(session: Session, id: str, owner: str, release: Release) -> None:
    rule = {"cron": "@daily", "timezone": "UTC", "catch_up": "last", "catch_up_window": 60, "overlap": "skip"}
    alerts = {"mail": [f"{owner}@example.org"]}
    row = {"id": id, "name": id, "owner": owner, "release": release.id, "parameters": {}, "retries": 0}
    session.add(Schedule(**row, **rule, alerts=alerts))
    session.flush()
    session.add(ScheduleFire(schedule=id, due=now(), state=FireState.FIRED))
    session.add(Share(kind="schedule", thing=id, subject_kind="person", subject="eve", role=Role.VIEWER))


def finish(session: Session, run: Run) -> None:
    begin_attempt(session, run, 1)
    attempt = session.get_one(Attempt, (run.id, 1))
    attempt.outputs = [{"name": "notebook.html", "size": 3}]
    session.add(LogChunk(run=run.id, number=1, offset=0, text="log"))
    error = {"cell": None, "name": "ValueError", "message": "", "traceback": "", "hint": None}
    settle(session, run, attempt, Ending(RunState.FAILED, error), Runs())


def add_dashboard(session: Session, id: str, owner: str, release: Release) -> None:
    row = {"id": id, "slug": id, "title": id, "owner": owner, "publisher": owner, "parameters": {}}
    session.add(Dashboard(**row, audience=Audience.PUBLIC))
    session.flush()
    session.add(DashboardVersion(dashboard=id, number=1, release=release.id, parameters={}, published_by=owner))
    session.add(WorkloadProcess(id=f"{id}.1.1", dashboard=id, version=1, token_hash="x", epoch=1))


async def test_a_purge_takes_what_was_left_behind_and_nothing_else_however_often_it_breaks_off(
    left: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    with left.database.write() as session:
        assert holdings_of(session, "ada") == Holdings(runs=2, output_bytes=6, schedules=1, dashboards=1, releases=1)
        want_purge(session, "ada", {"runs": 2}, by="root")
    loop = PurgeLoop(left, ScriptedHub(), LocalPlatform(left.settings))
    await loop.turn()
    assert left.instance.home("ada").joinpath("notes.txt").exists(), "the dashboard's process has not ended yet"
    with left.database.write() as session:
        assert session.get_one(Dashboard, "d1").deleted
        end_process(session, session.get_one(WorkloadProcess, "d1.1.1"), None)
    for step in ("delete_runs", "delete_dashboards", "delete_rest", "note_purged"):
        with monkeypatch.context() as patched, pytest.raises(Crash):
            patched.setattr(purging, step, _die)
            await loop.turn()
    await loop.turn()
    assert sorted(path.name for path in (left.instance.state / "homes").iterdir()) == ["bob"]
    assert {path.name for path in left.instance.s3.rglob("*")} == {"team", "my-bob", "data.csv"}
    objects = [stored.key for stored in left.objects.list("runs/")]
    assert [stored.key for stored in left.objects.list("dashboards/")] == ["dashboards/d2/1/card.png"]
    with left.database.read() as session:
        kept = list(session.scalars(select(Run.schedule).where(Run.owner == "ada")))
        assert kept == ["c2"], "the runs of a transferred schedule are its history"
        bobs = session.execute(select(Run.schedule, Run.rerun_of).where(Run.owner == "bob"))
        assert list(bobs) == [(None, None), (None, None)]
        assert len(objects) == 2
        assert list(session.scalars(select(Schedule.id))) == ["c2"]
        assert list(session.scalars(select(ScheduleFire.schedule))) == ["c2"]
        assert [alert["schedule"] for alert in session.scalars(select(Message.payload))] == ["c2"]
        assert list(session.scalars(select(Dashboard.id))) == ["d2"]
        assert list(session.scalars(select(Share.thing))) == ["c2"]
        assert len(list(session.scalars(select(LogChunk)))) == 2
        assert sorted(session.scalars(select(Release.notebook))) == ["alone.ipynb", "both.ipynb", "handed.ipynb"]
        assert set(session.scalars(select(ReleaseOwner.person))) == {"bob"}
        account = session.get_one(Account, "ada")
        assert account.purged and account.hub_cleared
        assert session.scalars(select(AuditEntry.detail).where(AuditEntry.action == "person.purge")).all() == [
            {"runs": 2}
        ]


async def test_a_purge_waits_for_runs_whose_process_is_still_there(left: Context) -> None:
    with left.database.write() as session:
        (run, *_) = purging.runs_to_purge(session, "ada")
        want_purge(session, "ada", {})
    runner = cast(ScriptedRunner, left.runner)
    runner.alive.add(f"{run}.1")
    loop = PurgeLoop(left, ScriptedHub(), LocalPlatform(left.settings))
    with left.database.write() as session:
        end_process(session, session.get_one(WorkloadProcess, "d1.1.1"), None)
    await loop.turn()
    with left.database.read() as session:
        assert session.get(Run, run)
    await runner.clean(f"{run}.1")
    await loop.turn()
    with left.database.read() as session:
        assert session.get(Run, run) is None


async def test_a_purge_goes_on_until_the_platform_has_no_more(left: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    async def purge(_: LocalPlatform, person: str) -> bool:
        asked.append(person)
        return len(asked) == 2

    monkeypatch.setattr(LocalPlatform, "purge", purge)
    with left.database.write() as session:
        want_purge(session, "ada", {})
        end_process(session, session.get_one(WorkloadProcess, "d1.1.1"), None)
    loop = PurgeLoop(left, ScriptedHub(), LocalPlatform(left.settings))
    for purged in (False, True):
        await loop.turn()
        with left.database.read() as session:
            assert [name for name, _ in purging.wanted_purges(session)] == ([] if purged else ["ada"])
    assert asked == ["ada", "ada"]


async def test_the_loop_of_people_leaves_who_is_to_be_purged_to_the_loop_of_purges(left: Context) -> None:
    with left.database.write() as session:
        want_purge(session, "ada", {})
    await PeopleLoop(left, ScriptedHub()).turn()
    with left.database.read() as session:
        assert [name for name, _ in purging.wanted_purges(session)] == ["ada"]


def _die(*_: object) -> None:
    raise Crash
