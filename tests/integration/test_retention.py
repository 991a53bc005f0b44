"""What is old goes, what is not stays, and a crash in between does no harm."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from noteyard.controller import retention
from noteyard.controller.context import Context
from noteyard.controller.retention import expire
from noteyard.domain import Audience, FireState, RunState
from noteyard.objects import blob_key, output_key, rendering_key
from noteyard.settings import Runs, Schedules
from noteyard.store import Database
from noteyard.store.attempts import log_text
from noteyard.store.lease import LostLease
from noteyard.store.sessions import open_session
from noteyard.store.tables import Attempt, AuditEntry, Lease, LogChunk, Message, Release, Run, Schedule, ScheduleFire
from noteyard.store.types import now
from noteyard.store.workload_tables import BrowserSession, Dashboard, Ticket, WorkloadProcess
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.support.rows import add_person, add_run, add_some_release
from tests.support.scripted import Crash, ScriptedRunner, context


def leading(database: Database, folder: Path, keep_days: int = 90, keep_count: int = 1000) -> Context:
    limits = Runs(keep_days=keep_days, keep_count=keep_count)
    return context(database, folder, ScriptedRunner(), runs=limits, schedules=Schedules(history_days=365))


def ended_run(session: Session, controller: Context, owner: str, days_ago: float, **fields: Any) -> str:
    """A run with an output, a log, and an end so long ago."""
    release = session.scalars(select(Release)).first() or add_some_release(session, owner)
    run = add_run(session, release, owner)
    run.state = fields.get("state", RunState.SUCCEEDED)
    run.ended = now() - timedelta(days=days_ago)
    outputs = [{"name": "notebook.html", "size": 3}]
    session.add(Attempt(run=run.id, number=1, token_hash="x", epoch=1, state=run.state, outputs=outputs, log_size=3))
    session.add(LogChunk(run=run.id, number=1, offset=0, text="log"))
    controller.objects.put(output_key(run.id, 1, "notebook.html"), b"out")
    return run.id


def kept(database: Database, controller: Context, run: str) -> bool:
    """Whether outputs and log are there; in both cases the run and its attempt are."""
    with database.read() as session:
        row, attempt = session.get_one(Run, run), session.get_one(Attempt, (run, 1))
        there = controller.objects.exists(output_key(run, 1, "notebook.html"))
        assert (row.expired is None) is there
        assert (log_text(session, run, 1) == "log") is there
        assert bool(attempt.outputs) is there
    return there


async def test_outputs_and_logs_expire_by_age(database: Database, tmp_path: Path) -> None:
    controller = leading(database, tmp_path, keep_days=7)
    with database.write() as session:
        add_person(session, "ada")
        old = ended_run(session, controller, "ada", 8)
        young = ended_run(session, controller, "ada", 6)
        waiting = ended_run(session, controller, "ada", 30, state=RunState.INTERRUPTED)
    await expire(controller)
    assert [kept(database, controller, run) for run in (old, young, waiting)] == [False, True, True]
    await expire(controller)


async def test_outputs_expire_by_count_of_each_person(database: Database, tmp_path: Path) -> None:
    controller = leading(database, tmp_path, keep_count=2)
    with database.write() as session:
        add_person(session, "ada")
        add_person(session, "bob")
        ada = [ended_run(session, controller, "ada", days) for days in (4, 3, 2, 1)]
        bob = [ended_run(session, controller, "bob", days) for days in (9, 8)]
    await expire(controller)
    assert [kept(database, controller, run) for run in ada + bob] == [False, False, True, True, True, True]


async def test_more_than_one_batch_expires_in_one_turn(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    controller = leading(database, tmp_path, keep_days=1)
    with database.write() as session:
        add_person(session, "ada")
        runs = [ended_run(session, controller, "ada", 2) for _ in range(7)]
    await expire(controller)
    assert not any(kept(database, controller, run) for run in runs)


async def test_a_crash_between_objects_and_rows_is_made_up_for(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = leading(database, tmp_path, keep_days=1)
    with database.write() as session:
        add_person(session, "ada")
        run = ended_run(session, controller, "ada", 2)
    with monkeypatch.context() as patched, pytest.raises(Crash):
        patched.setattr(retention, "mark_expired", _die)
        await expire(controller)
    assert not controller.objects.exists(output_key(run, 1, "notebook.html"))
    await expire(controller)
    assert not kept(database, controller, run)


def _die(*_: object) -> None:
    raise Crash


async def test_a_controller_that_does_not_lead_any_more_marks_nothing(database: Database, tmp_path: Path) -> None:
    controller = leading(database, tmp_path)
    with database.write() as session:
        session.get_one(Lease, "controller").epoch += 1
    with pytest.raises(LostLease):
        await expire(controller)


async def test_old_fires_logins_processes_and_messages_are_forgotten_and_the_audit_is_kept(
    database: Database, tmp_path: Path
) -> None:
    controller = leading(database, tmp_path)
    with database.write() as session:
        add_person(session, "ada")
        add_schedule(session, add_some_release(session, "ada").id)
        for days in (364, 366):
            fire = ScheduleFire(schedule="c1", due=now() - timedelta(days=days), state=FireState.FIRED)
            session.add(fire)
        for hours in (-1, 1):
            open_session(session, "ada", hours)
            session.add(ticket(f"t{hours}", now() + timedelta(hours=hours)))
        add_dashboard(session, "d1")
        for ended_days_ago in (29, 31, None):
            session.add(process(f"d1.1.{ended_days_ago}", ended_days_ago))
        session.add(message("delivered", created=now() - timedelta(days=31), delivered=now(), next_try=None))
        session.add(message("waiting", created=now() - timedelta(days=31), next_try=now() + timedelta(days=1)))
        session.add(message("young", delivered=now(), next_try=None))
        session.add(AuditEntry(at=now() - timedelta(days=4000), who="ada", action="login", thing="ada"))
    await expire(controller)
    with database.read() as session:
        assert len(session.scalars(select(ScheduleFire)).all()) == 1
        assert len(session.scalars(select(BrowserSession)).all()) == 1
        assert session.scalars(select(Ticket.id)).all() == ["t1"]
        assert sorted(session.scalars(select(WorkloadProcess.id))) == ["d1.1.29", "d1.1.None"]
        assert sorted(session.scalars(select(Message.dedupe))) == ["waiting", "young"]
        assert len(session.scalars(select(AuditEntry)).all()) == 1


def add_schedule(session: Session, release: str) -> None:
    fields = {"cron": "@daily", "timezone": "UTC", "parameters": {}, "catch_up": "last", "catch_up_window": 1}
    session.add(
        Schedule(id="c1", name="n", owner="ada", release=release, overlap="skip", retries=0, alerts={}, **fields)
    )
    session.flush()


def ticket(id: str, expires: datetime) -> Ticket:
    return Ticket(id=id, person="ada", dashboard="d1", parent="p", query="", expires=expires)


def add_dashboard(session: Session, id: str, deleted: datetime | None = None) -> None:
    dashboard = Dashboard(id=id, slug=id, title=id, owner="ada", publisher="ada", audience=Audience.ME, parameters={})
    dashboard.deleted = deleted
    session.add(dashboard)
    session.flush()


def process(id: str, ended_days_ago: int | None) -> WorkloadProcess:
    ended = now() - timedelta(days=ended_days_ago) if ended_days_ago is not None else None
    return WorkloadProcess(id=id, dashboard="d1", version=1, token_hash="x", epoch=1, ended=ended)


def message(dedupe: str, **fields: Any) -> Message:
    return Message(dedupe=dedupe, channel="mail", recipient="ada@example.org", payload={}, **fields)


async def test_renderings_of_deleted_dashboards_go_a_day_later(database: Database, tmp_path: Path) -> None:
    controller = leading(database, tmp_path)
    with database.write() as session:
        add_person(session, "ada")
        for id, hours in (("d1", None), ("d2", 23), ("d3", 25)):
            add_dashboard(session, id, now() - timedelta(hours=hours) if hours is not None else None)
            for name in ("rendering.html", "card.png"):
                controller.objects.put(rendering_key(id, 1, name), b"x")
    await expire(controller)
    stored = sorted({object.key.split("/")[1] for object in controller.objects.list("dashboards/")})
    assert stored == ["d1", "d2"]


def put_blob(controller: Context, folder: Path, sha256: str, hours_ago: float) -> str:
    controller.objects.put(blob_key(sha256), b"x")
    moment = (now() - timedelta(hours=hours_ago)).timestamp()
    os.utime(folder / "objects" / blob_key(sha256), (moment, moment))
    return blob_key(sha256)


async def test_blobs_of_no_release_are_swept_after_a_day(database: Database, tmp_path: Path) -> None:
    controller = leading(database, tmp_path)
    with database.write() as session:
        add_person(session, "ada")
        release = add_some_release(session, "ada")
        used = put_blob(controller, tmp_path, release.files[0]["sha256"], 1000)
    stray = put_blob(controller, tmp_path, "ab" * 32, 25)
    on_its_way = put_blob(controller, tmp_path, "cd" * 32, 23)
    await expire(controller)
    assert [controller.objects.exists(key) for key in (used, stray, on_its_way)] == [True, False, True]


async def test_an_upload_of_what_is_about_to_be_swept_saves_it(database: Database, tmp_path: Path) -> None:
    controller = leading(database, tmp_path)
    key = put_blob(controller, tmp_path, "ab" * 32, 48)
    await controller.objects.put_blob_async("ab" * 32, b"x")
    await expire(controller)
    assert controller.objects.exists(key)


async def test_an_upload_during_the_sweep_saves_it_too(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    controller = leading(database, tmp_path)
    key = put_blob(controller, tmp_path, "ab" * 32, 48)

    def upload_meanwhile(_: Context) -> set[str]:
        controller.objects.put(key, b"x")
        return set()

    monkeypatch.setattr(retention, "_referenced", upload_meanwhile)
    await expire(controller)
    assert controller.objects.exists(key)
