"""Live sessions: warm kernels, parameters, who looks, limits, and the end of kernels whose viewer has gone."""

import html
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import websockets

from tests.support.launcher import Launcher, code, kernel_id, launched, markdown
from tests.support.viewer_socket import ViewerSocket, v1
from tests.support.waiting import until

SCHEMA = {
    "type": "object",
    "properties": {
        "day": {"type": "string", "format": "date", "x-type": "date"},
        "amount": {"type": "integer", "x-type": "int"},
    },
}
DEFAULTS = {"day": "2026-01-02", "amount": 1}
FIRST = code("import datetime, os, time\nborn = time.time()")
PARAMETERS = code("day: datetime.date = datetime.date(2026, 1, 2)\namount: int = 1", "parameters")
SHOW = code("print('shown', type(day).__name__, day, amount, 'born', born)")
WHO = code(
    "import noteyard_lab\nwho = noteyard_lab.viewer()\nprint('seen by', repr(who.name), who.groups, who.anonymous)"
)
CLICK = {"method": "custom", "content": {"event": "click"}}
COUNT = code("open('count', 'a').write('x')")


def shown(page: str) -> str:
    """What the page says, free of HTML's and JSON's own spelling."""
    return html.unescape(page).replace('\\"', '"').replace("\\u0027", "'")


def born(page: str) -> float:
    found = re.search(r"born ([\d.]+)", page)
    assert found is not None, page
    return float(found.group(1))


def until_executed(launcher: Launcher, times: int) -> None:
    """Wait until the notebook, whose last cell is COUNT, has been executed so often."""
    path = launcher.folder / "release" / "count"
    until(lambda: path.exists() and len(path.read_text()) >= times, 60, f"executed {times} times")


def test_visits_get_kernels_executed_ahead_or_untouched_ones(tmp_path: Path) -> None:
    with launched(tmp_path, FIRST, PARAMETERS, SHOW, WHO, COUNT, schema=SCHEMA, parameters=DEFAULTS) as launcher:
        launcher.until_ready()
        until_executed(launcher, 1)
        before = time.time()
        page = launcher.visit()
        assert page.headers["cache-control"] == "no-store"
        assert "shown date 2026-01-02 1" in shown(page.text)
        assert born(page.text) < before, "executed before anybody came"

        until_executed(launcher, 2)
        before = time.time()
        changed = launcher.visit("sid-of-grace", "grace", amount=5)
        assert "shown date 2026-01-02 5" in shown(changed.text)
        assert born(changed.text) > before, "nothing of it was executed ahead"
        assert "shown date 2025-12-24 1" in shown(launcher.visit(day="2025-12-24").text)
        spelled_out = launcher.visit(amount=1, day="2026-01-02")
        assert born(spelled_out.text) < before, "the defaults need no execution of their own"
        for visit in (page, changed, spelled_out):
            assert "seen by '' () True" in shown(visit.text), "not published as one that reads its viewer"


def test_a_dashboard_that_reads_its_viewer_executes_for_each(tmp_path: Path) -> None:
    with launched(tmp_path, FIRST, WHO, code("print('born', born)"), reads_viewer=True, render=True) as launcher:
        launcher.until_ready()
        assert "seen by '' () True" in html.unescape(launcher.side.rendering["rendering.html"].decode())
        before = time.time()
        pages = {name: launcher.visit(f"sid-{name}", name).text for name in ("ada", "grace", "")}
        assert "seen by 'ada' ('analysts',) False" in shown(pages["ada"])
        assert "seen by 'grace' ('analysts', 'admirals') False" in shown(pages["grace"])
        assert "seen by '' () True" in shown(pages[""])
        assert all(born(page) > before for page in pages.values())
        assert len({kernel_id(page) for page in pages.values()}) == 3


def test_a_page_arrives_while_its_cells_execute(tmp_path: Path) -> None:
    cells = [markdown("# Early"), code("print('first')"), code("import time; time.sleep(3); print('last')")]
    with launched(tmp_path, *cells, preheat=0) as launcher:
        launcher.until_ready()
        seen: dict[str, float] = {}
        token = launcher.side.signer.token()
        with httpx.stream("GET", f"{launcher.address}/live/", headers={"X-Noteyard-Viewer": token}, timeout=60) as page:
            for piece in page.iter_text():
                for word in ("Early", "first", "voila_process(\n", "last"):
                    if word in piece:
                        seen.setdefault(word, time.monotonic())
        assert seen["last"] - seen["first"] > 2


def test_widgets_of_any_dashboard_may_ask_who_looks(tmp_path: Path) -> None:
    cells = [
        code("import noteyard_lab, ipywidgets as w\nlabel, button = w.Label('nobody'), w.Button(description='who')"),
        code("button.on_click(lambda _: setattr(label, 'value', 'I see ' + noteyard_lab.viewer().name))"),
        code("w.VBox([label, button])"),
    ]
    with launched(tmp_path, *cells) as launcher:
        launcher.until_ready()
        page = launcher.visit("sid-of-grace", "grace").text
        with ViewerSocket(launcher, kernel_id(page), "sid-of-grace") as socket:
            ids = {state["model_name"]: id for id, state in socket.widgets().items()}
            socket.send(v1("comm_msg", {"comm_id": ids["ButtonModel"], "data": CLICK}))
            heard = socket.until("comm_msg")
            assert "I see grace" in json.dumps(heard + socket.heard(1))


def test_more_viewers_than_sessions(tmp_path: Path) -> None:
    with launched(tmp_path, code("print('hello')"), sessions_max=2, preheat=2, disconnected_seconds=120) as launcher:
        launcher.until_ready()
        assert launcher.visit("one").status_code == 200
        second = launcher.visit("two")
        assert second.status_code == 200
        third = launcher.visit("three")
        assert third.status_code == 503
        assert third.headers["retry-after"] == "60"
        assert "This dashboard is busy. Try again in a minute." in third.text
        assert 'data-noteyard="busy"' in third.text
        until(lambda: launcher.side.report["sessions"] == 2, 60, "two sessions are reported")
        until(lambda: len(launcher.kernels) == 2, 60, "no kernel waits where there is no room")

        again = launcher.visit("two")
        assert again.status_code == 200, "a viewer's own session that was left behind makes room"
        assert launcher.ask(f"/live/session/{kernel_id(second.text)}", "two").status_code == 404
        assert launcher.ask(f"/live/session/{kernel_id(again.text)}", "two").json() == {"state": "live"}


def test_kernels_end_when_nobody_is_connected(tmp_path: Path) -> None:
    with launched(tmp_path, code("print('hello')"), disconnected_seconds=2, preheat=0) as launcher:
        launcher.until_ready()
        page = launcher.visit()
        until(lambda: launcher.side.report["sessions"] == 1, 60, "the session is reported")
        assert len(launcher.kernels) == 1
        until(lambda: not launcher.kernels, 15, "the page never connected, so its kernel ends")
        until(lambda: launcher.side.report["sessions"] == 0, 60, "and is reported")
        assert launcher.ask(f"/live/session/{kernel_id(page.text)}").status_code == 404
        assert "its viewer has gone" in launcher.errors.read_text()


def test_a_page_that_is_closed_ends_its_kernel_at_once(tmp_path: Path) -> None:
    with launched(tmp_path, code("print('hello')"), preheat=0) as launcher:
        launcher.until_ready()
        kernel = kernel_id(launcher.visit().text)
        path = f"/live/voila/api/shutdown/{kernel}"
        assert launcher.ask(path, "a-stranger", method="POST").status_code == 404
        assert launcher.kernels
        assert launcher.ask(path, method="POST").status_code == 204
        until(lambda: not launcher.kernels, 5, "the kernel has ended")


def test_a_page_may_lose_its_connection_for_a_moment(tmp_path: Path) -> None:
    with launched(tmp_path, code("print('hello')"), disconnected_seconds=6, preheat=0) as launcher:
        launcher.until_ready()
        kernel = kernel_id(launcher.visit().text)
        for _ in range(2):
            with ViewerSocket(launcher, kernel) as socket:
                socket.answered()
        assert launcher.ask(f"/live/session/{kernel}").status_code == 200
        until(lambda: not launcher.kernels, 30, "it ends once nobody comes back")


def test_a_session_nobody_uses_ends_though_its_page_is_open(tmp_path: Path) -> None:
    with launched(tmp_path, code("print('hello')"), session_idle_seconds=5, preheat=0) as launcher:
        launcher.until_ready()
        kernel = kernel_id(launcher.visit().text)
        with ViewerSocket(launcher, kernel) as socket, pytest.raises(websockets.ConnectionClosed) as closed:
            for _ in range(3):
                socket.send(v1("kernel_info_request", {}))
                socket.heard(2)
            assert launcher.ask(f"/live/session/{kernel}").status_code == 200, "it was used now and then"
            socket.heard(30)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4410
        assert "its viewer has done nothing for long" in launcher.errors.read_text()


def test_a_kernel_that_dies_ends_its_session(tmp_path: Path) -> None:
    with launched(tmp_path, code("print('hello')"), preheat=0) as launcher:
        launcher.until_ready()
        kernel = kernel_id(launcher.visit().text)
        launcher.kernels[0].kill()
        until(lambda: launcher.ask(f"/live/session/{kernel}").status_code == 404, 10, "the session has ended")


DETACHED = """
import os, subprocess, sys
program = "import os, time; os.setsid(); os.fork() and os._exit(0); "
program += "open('pid', 'w').write(str(os.getpid())); time.sleep(600)"
subprocess.run([sys.executable, '-c', program], env={} if CLEAN else None)
"""


@pytest.mark.parametrize("clean", [False, True])
def test_nothing_outlives_a_session(tmp_path: Path, clean: bool) -> None:
    with launched(tmp_path, code(f"CLEAN = {clean}\n{DETACHED}"), disconnected_seconds=2, preheat=0) as launcher:
        launcher.until_ready()
        launcher.visit()
        path = tmp_path / "work" / "release" / "pid"
        pid = int(until(lambda: path.exists() and path.read_text(), 60, "the detached process is there"))
        until(lambda: not psutil.pid_exists(pid), 20, "it ends with its session, or before")
        assert launcher.process.poll() is None


def test_a_kernel_that_takes_too_much_memory_is_ended(tmp_path: Path) -> None:
    cells = [
        code("grown = 0", "parameters"),
        code("hoard = bytearray(grown)\nhoard[::4096] = b'x' * len(hoard[::4096])"),
    ]
    schema = {"type": "object", "properties": {"grown": {"type": "integer", "x-type": "int"}}}
    claim: dict[str, Any] = {"schema": schema, "parameters": {"grown": 0}, "memory_limit": 400 << 20, "preheat": 0}
    with launched(tmp_path, *cells, **claim) as launcher:
        launcher.until_ready()
        # Together they are above the limit, each by itself is not.
        small = {
            who: f"/live/session/{kernel_id(launcher.visit(who, grown=150 << 20).text)}" for who in ("a", "b", "c")
        }
        large = f"/live/session/{kernel_id(launcher.visit('greedy', grown=400 << 20).text)}"
        until(lambda: launcher.ask(large, "greedy").status_code == 404, 20, "the large session has ended")
        assert [launcher.ask(path, who).status_code for who, path in small.items()] == [200, 200, 200]
        until(lambda: "it used more than 400 MiB" in launcher.side.report["log"], 20, "the next report says so")
        assert launcher.side.report["log"].count("ended the kernel of a session") == 1


def test_a_cell_that_fails_later_tells_the_viewer_little_and_the_owner_all(tmp_path: Path) -> None:
    cells = [
        code("import sys\nprint('secret for the owner', file=sys.stderr)\nprint('fine')"),
        code("number = 1", "parameters"),
        code("private_name = 1 / number"),
        markdown("never reached"),
    ]
    schema = {"type": "object", "properties": {"number": {"type": "integer", "x-type": "int"}}}
    with launched(tmp_path, *cells, schema=schema, parameters={"number": 1}, render=True) as launcher:
        launcher.until_ready()
        page = shown(launcher.visit(number=0).text)
        assert "This part of the dashboard failed. Its owner can see why." in page
        assert "fine" in page
        for hidden in ("ZeroDivisionError", "private_name", "Traceback", "never reached", "secret for the owner"):
            assert hidden not in page
        until(lambda: launcher.side.report["error"], 60, "the owner is told")
        report = launcher.side.report
        assert report["state"] == "ready"
        assert (report["error"]["cell"], report["error"]["name"]) == (2, "ZeroDivisionError")
        assert "private_name" in report["error"]["traceback"]
        assert "secret for the owner" in report["log"]


def test_a_broken_dashboard_is_not_executed_again_and_again(tmp_path: Path) -> None:
    count = code("with open('count', 'a') as file: file.write('x')\nraise RuntimeError('always')")
    with launched(tmp_path, count, preheat=2) as launcher:
        launcher.until_ready()
        until(lambda: launcher.side.report["error"], 60, "the failure is reported")
        counted = tmp_path / "work" / "release" / "count"
        deadline = time.monotonic() + 3
        until(lambda: time.monotonic() > deadline, 60, "three seconds")
        assert len(counted.read_text()) <= 2
        assert "This part of the dashboard failed." in launcher.visit().text


def test_the_launcher_killed_takes_its_kernels_along(tmp_path: Path) -> None:
    with launched(tmp_path, code("print('hello')"), preheat=2) as launcher:
        launcher.until_ready()
        until(lambda: len(launcher.kernels) == 2, 60, "two kernels wait")
        pids = [kernel.pid for kernel in launcher.kernels]
        os.kill(launcher.process.pid, 9)
        launcher.process.wait(5)
        until(lambda: not any(psutil.pid_exists(pid) for pid in pids), 15, "kernels notice")
