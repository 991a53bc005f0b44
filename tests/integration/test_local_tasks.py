"""What the local backend promises beyond the contract: looked at from outside, with real processes."""

import asyncio
import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from noteyard.backends.base import Observed, Start
from noteyard.backends.local import task_environment
from noteyard.backends.local.network_environment import CERTIFICATES, PROXIES
from noteyard.backends.local.processes import ProcessId, processes, send
from noteyard.backends.local.runner import LocalRunner
from noteyard.backends.local.tasks import MOST_STARTS
from noteyard.errors import Conflict
from noteyard.settings import Profile

from tests.contract.harness import LocalHarness
from tests.support.waiting import until, until_async

ID = "r4k2m9x0q1abcdef.1"
CONTROLLER = """
import asyncio, sys
from pathlib import Path
from noteyard.backends.base import Start
from tests.contract.harness import LocalHarness
harness = LocalHarness(Path(sys.argv[1]))
async def main():
    for number in range(int(sys.argv[2])):
        await harness.runner().start(Start(f"r4k2m9x0q1abcdef.{number}", "sleep", "default"))
        print("started", flush=True)
    await asyncio.sleep(3600)
asyncio.run(main())
"""


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[LocalHarness]:
    made = LocalHarness(tmp_path / "state")
    yield made
    asyncio.run(made.end())
    until(lambda: not made.mine(), what="the end of all processes")


def set_profile(harness: LocalHarness, **options: object) -> None:
    harness.settings = harness.settings.model_copy(update={"profiles": [Profile(name="default", **options)]})


async def begin(harness: LocalHarness, plan: str, event: str = "ready") -> LocalRunner:
    runner = harness.runner()
    await runner.start(Start(ID, plan, "default"))
    until(lambda: event in harness.events(ID), what=event)
    return runner


async def end_of(runner: LocalRunner) -> Observed:
    async def ended() -> Observed | None:
        found = (await runner.observe())[ID]
        return found if found.ended else None

    found = await until_async(ended, what="the end")
    assert found is not None
    return found


def alive(pid: int) -> bool:
    return pid in processes()


async def test_the_process_gets_its_token_by_the_pipe_alone_and_nothing_of_the_controllers(
    harness: LocalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the hub's own")
    for name in (*PROXIES, *CERTIFICATES):
        monkeypatch.delenv(name, raising=False)
    (harness.instance.work(ID) / "leftover").write_text("of an earlier start")
    await begin(harness, "shows")
    given = json.loads(until(lambda: _read(harness.state / "journal" / f"{ID}.json")))
    assert json.loads(given["stdin"]) == {"api": "http://127.0.0.1:4711/internal/v1", "attempt": ID, "token": "shows"}
    assert "shows" not in " ".join(given["argv"])
    assert given["cwd"] == str(harness.state / "work" / ID)
    assert given["files"] == []
    folder = harness.state / "attempts" / ID
    assert given["environment"] | {"LC_CTYPE": "C.UTF-8"} == {
        "PATH": f"{harness.state}/environment/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder / "home"),
        "TMPDIR": str((folder / "tmp").readlink()),
        "LANG": "C.UTF-8",
        "LC_CTYPE": "C.UTF-8",
        "PYTHONNOUSERSITE": "1",
        "MPLCONFIGDIR": str(harness.state / "cache" / "default" / "matplotlib"),
        "NOTEYARD_INSTANCE": str(harness.state),
        "NOTEYARD_TASK": ID,
    }


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize("way", ["kill", "clean"])
async def test_everything_a_run_started_ends_with_it_however_it_detached(harness: LocalHarness, way: str) -> None:
    runner = await begin(harness, "forks")
    pids = [harness.pid(ID, event) for event in ("started", "marked", "unmarked")]
    assert all(alive(pid) for pid in pids)
    await (runner.stop(ID, kill=True) if way == "kill" else runner.clean(ID))
    assert not any(alive(pid) for pid in pids)


async def test_a_vanished_workers_children_end_without_any_controller(harness: LocalHarness) -> None:
    await begin(harness, "forks")
    os.kill(harness.pid(ID), signal.SIGKILL)
    until(lambda: not alive(harness.pid(ID, "marked")) and not alive(harness.pid(ID, "unmarked")))
    until(lambda: not harness.mine())


async def test_without_its_minder_a_run_goes_on_and_is_still_ended_whole(harness: LocalHarness) -> None:
    runner = await begin(harness, "forks")
    worker = processes()[harness.pid(ID)]
    os.kill(worker.parent, signal.SIGKILL)
    until(lambda: not alive(worker.parent))
    assert await runner.observe() == {ID: Observed(ID, ended=False)}
    await runner.start(Start(ID, "sleep", "default"))
    assert harness.events(ID).count("started") == 1
    os.kill(worker.id.pid, signal.SIGKILL)
    assert (await end_of(runner)).reason is None
    await runner.clean(ID)
    assert not alive(harness.pid(ID, "marked"))
    os.kill(harness.pid(ID, "unmarked"), signal.SIGKILL)  # no mark, no ancestor: nobody can know it


async def test_a_killed_worker_is_said_to_be_killed(harness: LocalHarness) -> None:
    runner = await begin(harness, "sleep")
    os.kill(harness.pid(ID), signal.SIGKILL)
    reason = (await end_of(runner)).reason
    assert reason == "it was killed (SIGKILL) by somebody; the machine did not run out of memory"


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        ("quick", "it ended without a word (exit code 0)"),
        ("fail", "it ended with exit code 7 (RuntimeError: the disk is full)"),
        ("crash", "it crashed (SIGSEGV), most often a fault in a compiled package"),
    ],
)
async def test_ends_in_words(harness: LocalHarness, plan: str, reason: str) -> None:
    assert (await end_of(await begin(harness, plan))).reason == reason


async def test_files_that_a_power_cut_left_empty_stop_no_other_run(
    harness: LocalHarness, caplog: pytest.LogCaptureFixture
) -> None:
    runner = await begin(harness, "quick")
    await end_of(runner)
    folder = harness.instance.folder("attempts")
    (folder / ID / "end.json").write_text("")
    other = harness.instance.folder("attempts", "r0therr0therr0th.1") / "process"
    other.write_text("")
    assert await runner.observe() == {id: Observed(id, ended=True) for id in (ID, "r0therr0therr0th.1")}
    for path in (folder / ID / "end.json", other):
        assert f"{path} can't be understood, and counts as missing: " in caplog.text
    await runner.start(Start(ID, "sleep", "default"))
    assert harness.events(ID).count("started") == 1


async def test_an_environment_that_is_missing_is_named(harness: LocalHarness) -> None:
    set_profile(harness, environment=Path("/nowhere/env"))
    with pytest.raises(Conflict) as refused:
        await harness.runner().start(Start(ID, "sleep", "default"))
    assert refused.value.message == (
        "The environment of profile 'default' is missing: there is no /nowhere/env/bin/python."
    )
    assert refused.value.hint == (
        "Make it (in a clone of Noteyard by `make up`, elsewhere by `python3 -m venv /nowhere/env` and "
        "`/nowhere/env/bin/pip install 'noteyard-lab[science]'`), or set another as the profile's `environment`."
    )


async def test_an_environment_without_noteyard_lab_says_so(harness: LocalHarness) -> None:
    runner = LocalRunner(harness.settings, harness.instance)
    await runner.start(Start(ID, "sleep", "default"))
    assert "No module named 'noteyard_lab'" in ((await end_of(runner)).reason or "")


async def test_what_can_not_be_executed_says_so(harness: LocalHarness) -> None:
    runner = LocalRunner(harness.settings, harness.instance, lambda folder, id: ["/etc/passwd", "--attempt", id])
    await runner.start(Start(ID, "sleep", "default"))
    assert (await end_of(runner)).reason == (
        "it ended with exit code 127 (/etc/passwd can't be started: [Errno 13] Permission denied)"
    )


async def test_a_flood_of_output_is_kept_small_and_its_end_is_kept(harness: LocalHarness) -> None:
    await begin(harness, "noisy")
    output = harness.state / "attempts" / ID / "output.log"
    until(lambda: output.stat().st_size < 300_000 and output.read_text().endswith("the last line\n"))


async def test_memory_beyond_the_profiles_limit_is_a_memory_error(harness: LocalHarness) -> None:
    set_profile(harness, memory_mb=512, cpu=2)
    await begin(harness, "hungry", "memory-error")


async def test_no_zombies_are_left(harness: LocalHarness) -> None:
    runner = await begin(harness, "quick")
    await end_of(runner)
    await runner.clean(ID)

    async def reaped() -> bool:
        await runner.observe()
        return not _zombies()

    await until_async(reaped)


def _zombies() -> list[str]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if fields[0] == "Z" and int(fields[1]) == os.getpid():
            found.append(stat.parent.name)
    return found


async def test_a_runs_home_leads_to_the_data_and_takes_none_of_it_along(harness: LocalHarness) -> None:
    runner = harness.runner()
    await runner.start(Start(ID, "sleep", "default", "ada"))
    until(lambda: "ready" in harness.events(ID), what="the run")
    (home,) = (harness.instance.state / "attempts").glob("*/home")
    (home / "s3" / "team" / "data.csv").write_text("1")
    (home / "s3" / "me" / "own.csv").write_text("2")
    await runner.clean(ID)
    assert not home.exists()
    assert {path.name for path in harness.instance.s3.glob("*/*.csv")} == {"data.csv", "own.csv"}


async def test_cleaning_removes_closed_folders_and_does_not_follow_links(harness: LocalHarness, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("stays")
    runner = await begin(harness, "sleep")
    temporary = (harness.state / "attempts" / ID / "tmp").readlink()
    assert temporary.is_dir()
    assert len(str(temporary)) < 40
    closed = harness.instance.work(ID) / "closed"
    closed.mkdir()
    (closed / "file").write_text("goes")
    (closed / "link").symlink_to(precious)
    closed.chmod(0o500)
    await runner.clean(ID)
    assert not (harness.state / "work" / ID).exists()
    assert not (harness.state / "attempts" / ID).exists()
    assert not temporary.exists()
    assert (precious / "file").read_text() == "stays"


def test_a_signal_to_a_pid_that_is_another_process_by_now_is_not_sent() -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"]) as process:
        id = processes()[process.pid].id
        assert send(ProcessId(id.pid, id.started - 1), signal.SIGKILL) is False
        assert process.poll() is None
        assert send(id, signal.SIGKILL) is True
    assert send(id, signal.SIGKILL) is False


async def test_runs_outlive_a_killed_controller_and_are_adopted(harness: LocalHarness) -> None:
    with _controller(harness, 1) as controller:
        assert controller.stdout is not None
        assert controller.stdout.readline() == "started\n"
        controller.kill()
    until(lambda: "ready" in harness.events("r4k2m9x0q1abcdef.0"))
    runner = harness.runner()
    assert await runner.observe() == {"r4k2m9x0q1abcdef.0": Observed("r4k2m9x0q1abcdef.0", ended=False)}
    await runner.stop("r4k2m9x0q1abcdef.0")
    until(lambda: not harness.mine())
    found = (await runner.observe())["r4k2m9x0q1abcdef.0"]
    assert (found.ended, found.reason) == (True, "it ended without a word (exit code 0)")


async def test_controllers_killed_while_they_start_runs_start_each_once(harness: LocalHarness) -> None:
    chance = random.Random(4)
    for number in range(10):
        with _controller(harness, 12) as controller:
            _kill_after(controller, number, chance.uniform(0.0, 0.006))
    runner = harness.runner()
    for number in range(12):
        await runner.start(Start(f"r4k2m9x0q1abcdef.{number}", "sleep", "default"))
    ids = [f"r4k2m9x0q1abcdef.{number}" for number in range(12)]
    until(lambda: all("ready" in harness.events(id) for id in ids))
    assert [harness.events(id) for id in ids] == [["started", "ready"]] * 12


def _controller(harness: LocalHarness, runs: int) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", CONTROLLER, str(harness.state), str(runs)]
    root = Path(__file__).parents[2]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=root)


def _kill_after(controller: "subprocess.Popen[str]", starts: int, seconds: float) -> None:
    assert controller.stdout is not None
    for _ in range(starts):
        controller.stdout.readline()
    time.sleep(seconds)  # a moment by chance within the next start, not a wait
    controller.kill()


async def test_a_start_that_was_broken_off_is_made_again(
    harness: LocalHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = harness.runner()
    start = Start(ID, "end", "default")
    with monkeypatch.context() as full:
        full.setattr(task_environment.tempfile, "mkdtemp", no_space)
        for _ in range(MOST_STARTS):
            with pytest.raises(OSError, match="No space left on device"):
                await runner.start(start)
            last = (await runner.observe())[ID]
            assert last.ended
    assert not last.asleep, "what so often does not begin can't"
    await runner.clean(ID)
    assert ID not in await runner.observe()
    with monkeypatch.context() as full, pytest.raises(OSError, match="No space left on device"):
        full.setattr(task_environment.tempfile, "mkdtemp", no_space)
        await runner.start(start)
    assert (await runner.observe())[ID].asleep
    await runner.start(start)
    assert not (await end_of(runner)).asleep


def no_space(*_: object, **__: object) -> str:
    raise OSError(errno.ENOSPC, "No space left on device")
