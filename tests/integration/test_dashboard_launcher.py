"""A dashboard's process from claim to end: rendering, status, failures, and what people's code can't get from it."""

import base64
import html
import json
import signal
from pathlib import Path

import httpx
import psutil

from tests.support.dashboard_side import TOKEN, WORKLOAD, DashboardSide, Signer, claim_for, dashboard_side
from tests.support.launcher import Launcher, code, launched, markdown, start, write_notebook
from tests.support.waiting import until

PICTURE = (
    "import base64\n"
    "from IPython.display import Image\n"
    "Image(base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='))"
)


def rendering(launcher: Launcher) -> str:
    return launcher.side.rendering["rendering.html"].decode()


def ended(launcher: Launcher) -> int:
    """The exit code of a launcher that ends by itself."""
    return launcher.process.wait(60)


def test_it_renders_then_serves_then_stops(tmp_path: Path) -> None:
    cells = [
        markdown("# Sales of the year"),
        code("import ipywidgets as w\nsecret_of_the_source = 6 * 7\nprint('total', secret_of_the_source)"),
        code("amount = 1", "parameters"),
        code("w.IntSlider(value=amount, description='amount')"),
        code(PICTURE),
    ]
    with launched(tmp_path, *cells, render=True, parameters={"amount": 23}) as launcher:
        launcher.until_ready()
        states = [report["state"] for report in launcher.side.reports]
        assert sorted(set(states), key=states.index) == ["starting", "rendering", "ready"]
        assert launcher.side.report["error"] is None
        page = rendering(launcher)
        assert "Sales of the year" in page
        assert "total 42" in page
        assert "secret_of_the_source" not in page
        assert '"value": 23' in page, "the widgets' state is kept"
        assert "https://" not in page.replace("https://www.w3.org", "")
        assert launcher.side.rendering["card.png"].startswith(b"\x89PNG")
        assert launcher.side.request_ids == {"", "req-of-the-test"}, "only the claim can't carry the request's id yet"
        kernels = psutil.Process(launcher.process.pid).children(recursive=True)
        assert kernels
        assert launcher.end() == 0
        assert not any(kernel.is_running() for kernel in kernels)
        assert all("[req-of-the-test]" in line for line in launcher.errors.read_text().splitlines() if " INFO " in line)


def test_pictures_of_the_release_are_part_of_the_pages(tmp_path: Path) -> None:
    folder = tmp_path / "release" / "pictures"
    folder.mkdir(parents=True)
    (folder / "a chart.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "private.png").write_bytes(b"not for you")
    text = '![Chart](pictures/a%20chart.svg "Sales")\n\n![No](../../private.png) ![Web](https://example.org/x.png)'
    with launched(tmp_path, markdown(text), render=True) as launcher:
        launcher.until_ready()
        for page in (rendering(launcher), launcher.visit().text):
            assert 'src="data:image/svg+xml;base64,' in page
            assert "not for you" not in page
            assert base64.b64encode(b"not for you").decode() not in page
            assert 'src="https://example.org/x.png"' in page


def test_a_failing_cell_fails_the_rendering(tmp_path: Path) -> None:
    cells = [
        code("n = 0", "parameters"),
        code("print('all went well so far')"),
        code("1 / n"),
        code("print('never here')"),
    ]
    with launched(tmp_path, *cells, render=True, parameters={"n": 0}) as launcher:
        assert ended(launcher) == 1
        report = launcher.side.report
        assert report["state"] == "failed"
        assert report["error"]["cell"] == 2, "an index in the published notebook, which has no injected cell"
        assert (report["error"]["name"], report["error"]["message"]) == ("ZeroDivisionError", "division by zero")
        assert "1 / n" in report["error"]["traceback"]
        assert "\x1b" not in report["error"]["traceback"]
        assert "all went well so far" in report["log"]
        assert launcher.side.rendering == {}


def test_a_notebook_without_its_kernel_says_so(tmp_path: Path) -> None:
    release, work = tmp_path / "release", tmp_path / "work"
    work.mkdir()
    write_notebook(release / "n.ipynb", code("1"))
    text = json.loads((release / "n.ipynb").read_text())
    text["metadata"]["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}
    (release / "n.ipynb").write_text(json.dumps(text))
    signer = Signer()
    answer, files = claim_for(release, "n.ipynb", signer, render=True)
    with dashboard_side(DashboardSide(answer, files, signer)) as side:
        launcher = start(side, work, tmp_path / "log")
        assert ended(launcher) == 1
        assert side.report["state"] == "failed"
        assert side.report["error"]["message"].startswith("The notebook wants the kernel 'ir', which is not in")


def test_a_damaged_file_says_so(tmp_path: Path) -> None:
    release, work = tmp_path / "release", tmp_path / "work"
    work.mkdir()
    write_notebook(release / "n.ipynb", code("1"))
    signer = Signer()
    answer, files = claim_for(release, "n.ipynb", signer)
    damaged = {digest: content + b" " for digest, content in files.items()}
    with dashboard_side(DashboardSide(answer, damaged, signer)) as side:
        launcher = start(side, work, tmp_path / "log")
        assert ended(launcher) == 1
        assert "does not have the content it was stored with" in side.report["error"]["message"]


def test_it_ends_quietly_when_it_is_not_wanted_any_more(tmp_path: Path) -> None:
    with launched(tmp_path, code("1")) as launcher:
        launcher.until_ready()
        second = tmp_path / "second"
        second.mkdir()
        assert ended(start(launcher.side, second, tmp_path / "second.log")) == 3, "somebody has claimed it"
        launcher.side.refuse_with = 410
        assert ended(launcher) == 3
        assert "Traceback" not in launcher.errors.read_text()


def test_it_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with launched(tmp_path, code("1")) as launcher:
        launcher.until_ready()
        launcher.side.stop = True
        assert ended(launcher) == 0


def test_sigterm_ends_it_while_a_cell_runs(tmp_path: Path) -> None:
    with launched(tmp_path, code("import time; print('here', flush=True); time.sleep(600)"), render=True) as launcher:
        until(lambda: "here" in launcher.side.report.get("log", ""), 60, "the cell runs")
        launcher.process.send_signal(signal.SIGTERM)
        assert launcher.process.wait(10) == 0


def test_the_hub_side_may_be_away_for_a_while(tmp_path: Path) -> None:
    with launched(tmp_path, code("print('still here')")) as launcher:
        launcher.until_ready()
        launcher.side.refuse_with = 503
        page = httpx.get(
            f"http://127.0.0.1:{launcher.side.live_port}/live/",
            headers={"X-Noteyard-Viewer": launcher.side.signer.token()},
            timeout=60,
        )
        assert "still here" in page.text
        launcher.side.refuse_with = None
        until(lambda: launcher.side.report["sessions"] == 1, 60, "it reports again")


SPY = """
import os, pathlib
found = []
def read(path):
    try:
        return open(path, 'rb').read()
    except OSError as error:
        return type(error).__name__.encode()
parent = os.getppid()
refused = [read(f'/proc/{parent}/{name}') for name in ('environ', 'mem')]
found.append(read('/proc/self/environ'))
found.append(read(f'/proc/{parent}/cmdline'))
for folder in ('.', '..', '../..', os.environ['HOME']):
    for path in pathlib.Path(folder).rglob('*'):
        if path.is_file() and path.suffix != '.log':
            found.append(read(path))
pathlib.Path('found.bin').write_bytes(b'|'.join(found))
print('looked everywhere', *refused, os.environ['NOTEYARD_DASHBOARD'], 'S3_SECRET' in os.environ)
"""


def test_peoples_code_cannot_get_the_token(tmp_path: Path) -> None:
    given = {"NOTEYARD_DASHBOARD": "sales", "S3_SECRET": "given on purpose"}
    with launched(tmp_path, code(SPY), render=True, environment=given) as launcher:
        launcher.until_ready()
        assert "looked everywhere b'PermissionError' b'PermissionError' sales True" in html.unescape(
            rendering(launcher)
        )
        found = (tmp_path / "work" / "release" / "found.bin").read_bytes()
        assert TOKEN.encode()[1:] not in found.replace(SPY.encode(), b"")
        assert TOKEN not in launcher.errors.read_text()
        assert TOKEN not in json.dumps(launcher.side.reports)
        assert TOKEN not in " ".join(psutil.Process(launcher.process.pid).cmdline())


def test_a_release_cannot_put_its_modules_into_the_launcher(tmp_path: Path) -> None:
    marker, release = tmp_path / "imported-by", tmp_path / "release"
    release.mkdir()
    for name in ("voila", "nbconvert", "_strptime", "psutil"):
        note = f"import sys\nopen({str(marker)!r}, 'a').write({name!r} + ' '.join(sys.orig_argv) + '\\n')\n"
        (release / f"{name}.py").write_text(note)
    (release / "voila.json").write_text('{"VoilaConfiguration": {"strip_sources": false}}')
    with launched(tmp_path, code("print('fine')"), render=True) as launcher:
        launcher.until_ready()
        assert "fine" in rendering(launcher)
        assert "noteyard_lab" not in (marker.read_text() if marker.exists() else "")


def test_wrong_standard_input_is_answered_in_words(tmp_path: Path) -> None:
    release = tmp_path / "release"
    write_notebook(release / "n.ipynb", code("1"))
    answer, files = claim_for(release, "n.ipynb", Signer())

    class WithoutToken(DashboardSide):
        access_line = json.dumps({"api": "http://127.0.0.1:9", "workload": WORKLOAD})

    launcher = start(WithoutToken(answer, files), tmp_path, tmp_path / "log")
    assert ended(launcher) != 0
    assert 'one line of JSON with "api", "workload" and "token"' in launcher.errors.read_text()
