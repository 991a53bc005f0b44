"""Releases whose image no registry has any more: they run by their profile's image of today."""

from datetime import timedelta
from pathlib import Path

from noteyard.controller.images import note_images
from noteyard.controller.runs import RunLoop
from noteyard.controller.workloads import WorkloadLoop
from noteyard.domain import Audience, RunState, VersionState
from noteyard.store import Database
from noteyard.store.attempts import attempt_id
from noteyard.store.dashboards import NewDashboard, get_version, publish
from noteyard.store.images import GONE_FOR, goes_without, gone_images, keep_images, known_image
from noteyard.store.releases import get_release
from noteyard.store.runs import get_run
from noteyard.store.tables import Attempt, ProfileImage
from noteyard.store.types import now
from noteyard.store.workload_tables import WorkloadProcess

from tests.support.rows import add_person, add_run, add_some_release
from tests.support.scripted import ScriptedRunner, context

OLD, NEW = "example.org/lab@sha256:old", "example.org/lab@sha256:new"


class Told:
    """A shape whose pods tell this of images."""

    def __init__(self, **images: str) -> None:
        self.images = images

    async def known_images(self) -> dict[str, str]:
        return self.images


def add_release(database: Database) -> str:
    with database.write() as session:
        add_person(session, "ada")
        return add_some_release(session, "ada", image=OLD).id


async def test_what_pods_tell_last_is_what_is_known(database: Database, tmp_path: Path) -> None:
    made = context(database, tmp_path, ScriptedRunner())
    for told in ({"lab:1": OLD, "lab:2": OLD}, {"lab:1": NEW}, {}):
        await note_images(made, Told(**told))  # type: ignore[arg-type]
    with database.read() as session:
        assert [known_image(session, asked) for asked in ("lab:1", "lab:2", "lab:3")] == [NEW, OLD, None]
    # The tag was set back.
    await note_images(made, Told(**{"lab:1": OLD}))  # type: ignore[arg-type]
    with database.read() as session:
        assert known_image(session, "lab:1") == OLD
        assert session.query(ProfileImage).count() == 3


def test_a_gone_image_is_asked_for_again_after_a_day(database: Database) -> None:
    begun = now()
    with database.write() as session:
        keep_images(session, {"lab:1": OLD, "lab:2": OLD})
        assert goes_without(session, OLD, begun)
        assert goes_without(session, OLD, begun), "several had begun before it was known"
        assert not goes_without(session, OLD, now())
        assert gone_images(session) == {OLD}
        assert known_image(session, "lab:1") is None
        for row in session.query(ProfileImage):
            row.gone = now() - GONE_FOR - timedelta(seconds=1)
    with database.write() as session:
        assert gone_images(session) == frozenset()
        assert known_image(session, "lab:2") == OLD
        assert goes_without(session, OLD, now())


async def test_a_run_begins_again_without_its_image_and_uses_up_no_retry(database: Database, tmp_path: Path) -> None:
    release = add_release(database)
    with database.write() as session:
        run = add_run(session, get_release(session, release), "ada", retries=1).id
    runner = ScriptedRunner(gone={OLD})
    loop = RunLoop(context(database, tmp_path, runner))
    for _ in range(4):
        await loop.turn()
    assert [(start.id, start.image, start.gone) for start in runner.started] == [
        (attempt_id(run, 1), OLD, frozenset()),
        (attempt_id(run, 2), None, frozenset({OLD})),
    ]
    with database.read() as session:
        first, found = session.get_one(Attempt, (run, 1)), get_run(session, run)
        assert first.state is RunState.INTERRUPTED
        assert first.error is not None
        assert (first.error["message"], first.error["hint"]) == (
            f"There is no image {OLD}.",
            "It begins again with the profile's image of today.",
        )
        assert (found.state, found.retries_used) == (RunState.STARTING, 0)


async def test_a_run_that_fails_without_its_image_as_well_has_failed(database: Database, tmp_path: Path) -> None:
    release = add_release(database)
    with database.write() as session:
        run = add_run(session, get_release(session, release), "ada").id
    runner = ScriptedRunner(gone={OLD})
    loop = RunLoop(context(database, tmp_path, runner))
    for _ in range(4):
        await loop.turn()
    # Pods told the second attempt the same digest once more.
    id = attempt_id(run, 2)
    runner.alive.discard(id)
    runner.missing[id] = OLD
    for _ in range(4):
        await loop.turn()
    with database.read() as session:
        assert get_run(session, run).state is RunState.FAILED
    assert len(runner.started) == 2


async def test_a_dashboard_begins_again_without_its_image(database: Database, tmp_path: Path) -> None:
    release = add_release(database)
    with database.write() as session:
        made = publish(session, NewDashboard("sales", "Sales", Audience.ME), get_release(session, release), "ada").id
    host = ScriptedRunner(gone={OLD})
    loop = WorkloadLoop(context(database, tmp_path, host))
    for _ in range(3):
        await loop.turn()
    assert [(start.id, start.image) for start in host.started] == [(f"{made}.1.1", OLD), (f"{made}.1.2", None)]
    with database.read() as session:
        assert session.get_one(WorkloadProcess, f"{made}.1.1").error is None
        assert get_version(session, made, 1).state is VersionState.RENDERING
