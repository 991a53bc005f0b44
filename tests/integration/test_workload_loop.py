"""The loop of dashboards against processes that begin, fail and vanish on command."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from noteyard.controller.watch import Watch
from noteyard.controller.workloads import WorkloadLoop
from noteyard.domain import Audience, VersionState, WorkloadState
from noteyard.errors import Conflict, NotFound
from noteyard.settings import Dashboards, Runs
from noteyard.store import Database
from noteyard.store.dashboards import (
    NewDashboard,
    add_version,
    get_dashboard,
    get_version,
    newest_log,
    publish,
    publisher_of,
    remove,
    wake,
)
from noteyard.store.people import disable_person, enable_person, remove_person
from noteyard.store.s3_keys import find_key, key_for_dashboard
from noteyard.store.types import now
from noteyard.store.workload_tables import S3Key, WorkloadProcess
from noteyard.store.workloads import Report, claim_process, end_process, process_by_token, report_process
from sqlalchemy.orm import Session

from tests.support.rows import add_person, add_some_release
from tests.support.scripted import Clock, Crash, ScriptedRunner, context

ERROR = {"cell": 2, "name": "ValueError", "message": "no", "traceback": "", "hint": None}


class Yard:
    """A database with one dashboard, and the loop over scripted processes."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.host = ScriptedRunner()
        settings = {"dashboards": Dashboards(idle_minutes=10), "runs": Runs(lost_after_seconds=3)}
        self.context = context(database, folder, self.host, **settings)
        self.clock = Clock()
        self.loop = WorkloadLoop(self.context, Watch(self.clock))
        with database.write() as session:
            add_person(session, "ada")
            self.release = add_some_release(session, "ada")
            new = NewDashboard("sales", "Sales", Audience.ME)
            self.id = publish(session, new, self.release, "ada").id

    def key(self) -> S3Key:
        """The newest process's key for the data, as its launcher claims it."""
        with self.database.write() as session:
            process = session.get_one(WorkloadProcess, self.host.started[-1].id)
            version = get_version(session, process.dashboard, process.version)
            return key_for_dashboard(session, process, publisher_of(get_dashboard(session, "sales"), version))

    def works(self, key: S3Key) -> bool:
        with self.database.read() as session:
            return find_key(session, key.access_key) is not None

    def report(self, state: WorkloadState, **fields: Any) -> bool:
        """What the newest process's launcher says."""
        start = self.host.started[-1]
        with self.database.write() as session:
            process = process_by_token(session, start.id, start.token)
            if process.claimed is None:
                claim_process(session, start.id, start.token, start.token)
            return report_process(session, process, Report(state, **fields))

    async def serve(self) -> None:
        """One turn, then its process serves pages."""
        await self.loop.turn()
        self.report(WorkloadState.READY, address="127.0.0.1:9")

    def started(self) -> list[str]:
        return [start.id.removeprefix(f"{self.id}.") for start in self.host.started]

    def set(self, **fields: Any) -> None:
        with self.database.write() as session:
            dashboard = get_dashboard(session, "sales")
            for name, value in fields.items():
                setattr(dashboard, name, value)

    def version(self, number: int) -> VersionState:
        with self.database.read() as session:
            return get_version(session, self.id, number).state

    def current(self) -> int | None:
        with self.database.read() as session:
            return get_dashboard(session, "sales").current


@pytest.fixture
def yard(database: Database, tmp_path: Path) -> Yard:
    return Yard(database, tmp_path)


async def test_a_version_becomes_current_when_it_serves(yard: Yard) -> None:
    await yard.loop.turn()
    assert yard.current() is None
    await yard.serve()
    assert (yard.current(), yard.version(1)) == (1, VersionState.GOOD)
    await yard.loop.turn()
    assert yard.started() == ["1.1"]


async def test_a_version_that_fails_is_not_tried_again_and_replaces_nothing(yard: Yard) -> None:
    await yard.serve()
    with yard.database.write() as session:
        add_version(session, get_dashboard(session, "sales"), yard.release, "ada", {})
    await yard.loop.turn()
    assert yard.report(WorkloadState.FAILED, error=ERROR, log="the log") is True
    await yard.loop.turn()
    await yard.loop.turn()
    assert yard.started() == ["1.1", "2.2"]
    assert (yard.current(), yard.version(2)) == (1, VersionState.FAILED)
    with yard.database.read() as session:
        failed = get_version(session, yard.id, 2)
        assert (failed.error, failed.log) == (ERROR, "the log")


async def test_a_version_that_is_overtaken_before_it_has_rendered_says_so_and_ends(yard: Yard) -> None:
    await yard.loop.turn()
    with yard.database.write() as session:
        add_version(session, get_dashboard(session, "sales"), yard.release, "ada", {})
    assert yard.report(WorkloadState.READY, address="127.0.0.1:9") is False
    assert (yard.current(), yard.version(1)) == (None, VersionState.FAILED)
    for _ in range(2):
        await yard.loop.turn()
    assert yard.host.alive == {f"{yard.id}.2.2"}
    yard.report(WorkloadState.READY, address="127.0.0.1:10")
    assert (yard.current(), yard.version(1), yard.version(2)) == (2, VersionState.FAILED, VersionState.GOOD)
    with yard.database.read() as session:
        error = get_version(session, yard.id, 1).error
        assert error is not None
        assert error["message"] == "Version 2 was published before this one had rendered."


async def test_parameters_are_those_of_the_version_shown(yard: Yard) -> None:
    def parameters() -> dict[str, Any]:
        with yard.database.read() as session:
            return get_dashboard(session, "sales").parameters

    await yard.serve()
    for given, state in (({"n": 2}, WorkloadState.FAILED), ({"n": 3}, WorkloadState.READY)):
        with yard.database.write() as session:
            add_version(session, get_dashboard(session, "sales"), yard.release, "ada", given)
        await yard.loop.turn()
        assert parameters() == {}, "the old version is still shown"
        yard.report(state, **({"error": ERROR} if state is WorkloadState.FAILED else {"address": "127.0.0.1:10"}))
    assert (yard.current(), parameters()) == (3, {"n": 3})


async def test_a_newer_version_that_fails_is_no_failure_of_the_one_shown(yard: Yard) -> None:
    await yard.serve()
    with yard.database.write() as session:
        add_version(session, get_dashboard(session, "sales"), yard.release, "ada", {})
    await yard.loop.turn()
    yard.report(WorkloadState.FAILED, error=ERROR)
    with yard.database.read() as session:
        assert get_dashboard(session, "sales").failures == 0


async def test_the_old_version_serves_until_the_new_one_does(yard: Yard) -> None:
    await yard.serve()
    with yard.database.write() as session:
        add_version(session, get_dashboard(session, "sales"), yard.release, "ada", {})
    await yard.loop.turn()
    assert yard.host.alive == {f"{yard.id}.1.1", f"{yard.id}.2.2"}
    yard.report(WorkloadState.READY, address="127.0.0.1:10")
    await yard.loop.turn()
    await yard.loop.turn()
    assert yard.host.alive == {f"{yard.id}.2.2"}
    assert yard.current() == 2


async def test_an_idle_dashboard_sleeps_and_a_visit_wakes_it(yard: Yard) -> None:
    await yard.serve()
    yard.set(last_visit=now() - timedelta(minutes=11))
    await yard.loop.turn()
    await yard.loop.turn()
    assert yard.host.alive == set()
    with yard.database.write() as session:
        wake(get_dashboard(session, "sales"))
    await yard.loop.turn()
    assert yard.host.alive == {f"{yard.id}.1.2"}


async def test_a_dashboard_with_a_session_does_not_sleep(yard: Yard) -> None:
    await yard.serve()
    yard.report(WorkloadState.READY, sessions=1)
    yard.set(last_visit=now() - timedelta(hours=5))
    await yard.loop.turn()
    await yard.loop.turn()
    assert yard.host.alive == {f"{yard.id}.1.1"}


async def test_a_vanished_process_is_started_again_with_backoff(yard: Yard) -> None:
    await yard.serve()
    yard.host.die(f"{yard.id}.1.1", "killed (SIGKILL)")
    await yard.loop.turn()
    assert yard.started() == ["1.1"]
    with yard.database.read() as session:
        process = session.get_one(WorkloadProcess, f"{yard.id}.1.1")
        assert process.error is not None
        assert process.error["message"] == "The dashboard's process ended: killed (SIGKILL)."
        waiting = get_dashboard(session, "sales").not_before
        assert waiting is not None
    yard.set(not_before=now() - timedelta(seconds=1))
    await yard.loop.turn()
    assert yard.started() == ["1.1", "1.2"]


async def test_a_process_that_hangs_is_ended_for_time_in_which_the_controller_watched(yard: Yard) -> None:
    await yard.serve()
    process = f"{yard.id}.1.1"
    with yard.database.write() as session:
        session.get_one(WorkloadProcess, process).heartbeat = now() - timedelta(hours=1)
    await yard.loop.turn()
    yard.clock.now += 3600
    for _ in range(11):
        await yard.loop.turn()
        yard.clock.now += 1
    assert yard.host.alive == {process}
    await yard.loop.turn()
    assert yard.host.alive == set()
    with yard.database.read() as session:
        ended = session.get_one(WorkloadProcess, process)
        assert ended.error is not None
        assert ended.error["message"] == "The dashboard's process ended: it hangs."


async def test_a_crash_before_the_process_is_made_up_for(yard: Yard) -> None:
    yard.host.crash_before_start = True
    with pytest.raises(Crash):
        await yard.loop.turn()
    with yard.database.write() as session:
        row = session.get_one(WorkloadProcess, f"{yard.id}.1.1")
        row.created = row.heartbeat = now() - timedelta(seconds=11)
    await yard.loop.turn()
    await yard.loop.turn()
    assert yard.started() == ["1.2"]
    assert yard.version(1) is VersionState.RENDERING


async def test_of_two_launchers_one_gets_the_start(yard: Yard) -> None:
    await yard.loop.turn()
    start = yard.host.started[-1]
    for _ in range(2):  # the second time its answer was lost
        with yard.database.write() as session:
            claim_process(session, start.id, start.token, "the first launcher's")
    with yard.database.write() as session, pytest.raises(NotFound, match="not known under this token"):
        claim_process(session, start.id, start.token, "the second launcher's")
    with yard.database.write() as session:
        process_by_token(session, start.id, "the first launcher's").stop = True
    with yard.database.write() as session, pytest.raises(Conflict, match="is over, or not wanted any more"):
        claim_process(session, start.id, start.token, "the first launcher's")


async def test_a_dashboard_taken_down_ends_and_frees_its_link(yard: Yard) -> None:
    await yard.serve()
    with yard.database.write() as session:
        remove(get_dashboard(session, "sales"))
    await yard.loop.turn()
    await yard.loop.turn()
    assert yard.host.alive == set()
    with yard.database.write() as session:
        publish(session, NewDashboard("sales", "Sales", Audience.ME), yard.release, "ada")


@pytest.mark.parametrize("shut_out", [disable_person, remove_person])
async def test_a_process_whose_key_was_revoked_ends(yard: Yard, shut_out: Callable[[Session, str], None]) -> None:
    await yard.serve()
    first = yard.key()
    with yard.database.write() as session:
        shut_out(session, "ada")
    assert yard.report(WorkloadState.READY) is True, "its launcher is told to end"
    await yard.loop.turn()
    assert yard.host.alive == {f"{yard.id}.1.2"}
    assert yard.works(first) is yard.works(yard.key()) is False


async def test_a_dashboard_has_its_data_again_when_its_publisher_is_enabled(yard: Yard) -> None:
    await yard.serve()
    yard.key()
    yard.set(awake=False)
    with yard.database.write() as session:
        disable_person(session, "ada")
        enable_person(session, "ada")
        wake(get_dashboard(session, "sales"))
    await yard.loop.turn()
    assert yard.host.alive == {f"{yard.id}.1.2"}
    assert yard.works(yard.key())


async def test_what_began_while_its_publisher_was_disabled_begins_again(yard: Yard) -> None:
    await yard.serve()
    with yard.database.write() as session:
        disable_person(session, "ada")
    await yard.loop.turn()
    for _ in range(2):
        yard.report(WorkloadState.FAILED, error=ERROR)
        yard.set(not_before=now() - timedelta(seconds=1))
        await yard.loop.turn()
    assert yard.report(WorkloadState.READY) is False, "this one shows what came of having no data"
    yard.set(failures=3, not_before=now() + timedelta(minutes=10))
    with yard.database.write() as session:
        enable_person(session, "ada")
    await yard.loop.turn()
    assert yard.started() == ["1.1", "1.2", "1.3", "1.4", "1.5"]
    assert yard.host.alive == {f"{yard.id}.1.5"}


async def test_the_process_of_an_earlier_publisher_ends_with_their_keys_and_others_go_on(yard: Yard) -> None:
    await yard.serve()
    yard.key()
    with yard.database.write() as session:
        add_person(session, "bob")
        other = publish(session, NewDashboard("other", "Other", Audience.ME), yard.release, "bob").id
    yard.set(publisher="bob")
    await yard.loop.turn()
    with yard.database.write() as session:
        disable_person(session, "ada")
    await yard.loop.turn()
    assert yard.host.alive == {f"{yard.id}.1.2", f"{other}.1.1"}


async def test_who_published_a_version_that_failed_takes_no_data_from_the_one_shown(yard: Yard) -> None:
    await yard.serve()
    with yard.database.write() as session:
        add_person(session, "bob")
        add_version(session, get_dashboard(session, "sales"), yard.release, "bob", {})
    await yard.loop.turn()
    assert (yard.host.started[-1].person, yard.key().person) == ("bob", "bob")
    yard.report(WorkloadState.FAILED, error=ERROR)
    await yard.loop.turn()
    with yard.database.write() as session:
        remove_person(session, "bob")
    yard.set(awake=False)
    await yard.loop.turn()
    await yard.loop.turn()
    yard.set(awake=True, last_visit=now())
    await yard.loop.turn()
    assert (yard.started()[-1], yard.host.started[-1].person) == ("1.3", "ada")
    assert yard.works(yard.key())


async def test_a_version_that_has_still_to_render_ends_with_its_publishers_keys(yard: Yard) -> None:
    await yard.serve()
    with yard.database.write() as session:
        add_person(session, "bob")
        add_version(session, get_dashboard(session, "sales"), yard.release, "bob", {})
    await yard.loop.turn()
    assert yard.report(WorkloadState.RENDERING) is False
    with yard.database.write() as session:
        disable_person(session, "bob")
    assert yard.report(WorkloadState.RENDERING) is True, "its launcher is told to end, on a cluster without a key too"


async def test_one_that_fails_for_weeks_is_still_tried_again(yard: Yard) -> None:
    await yard.serve()
    with yard.database.write() as session:
        end_process(session, session.get_one(WorkloadProcess, yard.host.started[-1].id), ERROR)
    yard.set(failures=5_000, awake=True, last_visit=now())
    await yard.loop.turn()
    with yard.database.read() as session:
        next_try = get_dashboard(session, "sales").not_before
    assert next_try is not None and next_try - now() < timedelta(minutes=11)


async def test_one_that_can_not_be_dealt_with_holds_up_no_other(yard: Yard) -> None:
    with yard.database.write() as session:
        other = publish(session, NewDashboard("costs", "Costs", Audience.ME), yard.release, "ada").id
    yard.set(current=99, awake=True, last_visit=now())
    await yard.loop.turn()
    assert [start.id for start in yard.host.started if start.id.startswith(other)] == [f"{other}.1.1"]


async def test_its_log_is_kept_when_it_sleeps(yard: Yard) -> None:
    await yard.serve()
    yard.report(WorkloadState.READY, address="127.0.0.1:9", log="KeyError: 'price'")
    with yard.database.write() as session:
        end_process(session, session.get_one(WorkloadProcess, yard.host.started[-1].id), None)
        assert newest_log(session, yard.id) == "KeyError: 'price'"
        assert newest_log(session, "d0") is None
