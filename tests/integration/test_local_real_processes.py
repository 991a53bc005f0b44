"""The local backend with the real worker and the real dashboard launcher of the lab environment."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from noteyard.backends.base import Observed, Start
from noteyard.backends.local.processes import environment, processes
from noteyard.backends.local.runner import LocalRunner
from noteyard.backends.local.task_environment import remove_temporary
from noteyard.backends.local.workload_host import LocalWorkloadHost
from noteyard.instance import Instance
from noteyard.settings import Profile, Settings

from tests.support import dashboard_side, launcher
from tests.support.waiting import until, until_async
from tests.support.worker_side import ATTEMPT, PYTHON, TOKEN, HubSide, claim_of, notebook, served

DETACHED = """
import os, sys
reading, writing = os.pipe()
if os.fork() == 0:
    os.setsid()
    child = os.fork()
    if child == 0:
        os.execve(sys.executable, [sys.executable, "-c", "import time; time.sleep(3600)"], {})
    os.write(writing, str(child).encode())
    os._exit(0)
print("detached", os.read(reading, 20).decode(), "end", flush=True)
"""
ENDLESS = "import time\ntime.sleep(3600)"


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(tmp_path / "state")
    yield made
    for process in _mine(made):
        os.kill(process, signal.SIGKILL)
    for folder in made.state.glob("*/*/tmp"):
        remove_temporary(folder.parent)


def _mine(instance: Instance) -> list[int]:
    mark = str(instance.state)
    alive = processes().values()
    return [p.id.pid for p in alive if mark in " ".join(p.argv) or environment(p).get("NOTEYARD_INSTANCE") == mark]


def settings(instance: Instance, url: str, **profile: object) -> Settings:
    (instance.run / "ports.json").write_text(json.dumps({"api": urlsplit(url).port}))
    chosen = Profile.model_validate({"name": "default", "environment": PYTHON.parent.parent, **profile})
    return Settings(profiles=[chosen]).model_copy(update={"state": instance.state})


async def begin(instance: Instance, side: HubSide, **profile: object) -> LocalRunner:
    runner = LocalRunner(settings(instance, side.url, **profile), instance)
    await runner.start(Start(ATTEMPT, TOKEN, "default"))
    return runner


async def end_of(runner: LocalRunner, seconds: float = 60) -> Observed:
    async def ended() -> Observed | None:
        found = (await runner.observe())[ATTEMPT]
        return found if found.ended else None

    found = await until_async(ended, seconds, "the end")
    assert found is not None
    return found


async def test_a_run_is_executed_and_leaves_nothing(instance: Instance) -> None:
    with served(claim_of({"a.ipynb": notebook("import os\nprint(sorted(os.environ))", "1 + 1")})) as side:
        runner = await begin(instance, side)
        assert (await end_of(runner)).reason == "it ended without a word (exit code 0)"
        await runner.clean(ATTEMPT)
    assert side.finished is not None
    assert side.finished["outcome"] == "succeeded"
    assert set(side.outputs) == {"notebook.ipynb", "notebook.html"}
    assert TOKEN not in json.dumps(side.outputs)
    assert _mine(instance) == []
    assert list((instance.state / "work").iterdir()) == list((instance.state / "attempts").iterdir()) == []


async def test_a_cancelled_run_saves_and_ends_with_everything_it_started(instance: Instance) -> None:
    with served(claim_of({"a.ipynb": notebook("print('before')", DETACHED, ENDLESS)})) as side:
        runner = await begin(instance, side)
        until(lambda: " end" in side.log, 60, "the third cell")
        child = int(side.log.split("detached ")[1].split()[0])
        assert child in processes()
        for _ in range(3):
            await runner.stop(ATTEMPT)
        await end_of(runner)
        assert child not in processes()
        assert side.finished is not None
        assert side.finished["outcome"] == "stopped"
        assert side.printed(0) == "before\n"
        await runner.clean(ATTEMPT)
    assert _mine(instance) == []


async def test_a_killed_worker_takes_its_kernel_and_detached_children_along(instance: Instance) -> None:
    with served(claim_of({"a.ipynb": notebook(DETACHED, ENDLESS)})) as side:
        runner = await begin(instance, side)
        until(lambda: " end" in side.log, 60, "the second cell")
        child = int(side.log.split("detached ")[1].split()[0])
        worker = int((instance.state / "attempts" / ATTEMPT / "process").read_text().split()[0])
        os.kill(worker, signal.SIGKILL)
        until(lambda: _mine(instance) == [] and child not in processes(), 10, "the end of all")
        reason = (await end_of(runner)).reason
    assert reason == "it was killed (SIGKILL) by somebody; the machine did not run out of memory"


async def test_memory_over_the_profiles_limit_fails_the_cell_not_the_machine(instance: Instance) -> None:
    cells = ("import pandas as pd\nprint(len(pd.DataFrame({'a': ['x'] * 100000})))", "bytearray(3 * 1024**3)")
    with served(claim_of({"a.ipynb": notebook(*cells)})) as side:
        runner = await begin(instance, side, memory_mb=1024)
        await end_of(runner)
    assert side.finished is not None
    assert side.finished["outcome"] == "failed"
    assert side.finished["error"]["name"] == "MemoryError"
    assert side.printed(0) == "100000\n"


async def test_a_dashboard_serves_and_is_ended_with_its_kernels(instance: Instance, tmp_path: Path) -> None:
    release = tmp_path / "release"
    launcher.write_notebook(release / "sales.ipynb", launcher.code("print('sold')"))
    signer = dashboard_side.Signer()
    answer, files = dashboard_side.claim_for(release, "sales.ipynb", signer)
    with dashboard_side.dashboard_side(dashboard_side.DashboardSide(answer, files, signer)) as side:
        host = LocalWorkloadHost(settings(instance, f"http://127.0.0.1:{side.port}"), instance)
        await host.apply(Start(dashboard_side.WORKLOAD, dashboard_side.TOKEN, "default"))
        until(lambda: side.report.get("state") == "ready", 60, "a dashboard that is ready")
        seen = Observed(dashboard_side.WORKLOAD, ended=False)
        assert dict(await host.observe()) == {dashboard_side.WORKLOAD: seen}
        until(lambda: len(_mine(instance)) >= 3, 30, "minder, launcher and warm kernel")
        await host.delete(dashboard_side.WORKLOAD)
        assert _mine(instance) == []
        assert dict(await host.observe()) == {}
