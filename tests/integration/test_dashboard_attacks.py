"""What a viewer, a stranger or another site can not do to a dashboard."""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.support.dashboard_side import Signer
from tests.support.launcher import Launcher, code, kernel_id, launched
from tests.support.viewer_socket import ViewerSocket, v1
from tests.support.waiting import until

CELLS = [
    code("import ipywidgets as w, sys\nfrom IPython.display import display\nsecret_source = 'never shown'"),
    code(
        "button, out = w.Button(description='go'), w.Output()\n"
        "def fail(_):\n"
        "    print('to the terminal', file=sys.stderr)\n"
        "    with out:\n"
        "        raise ValueError('inner secret')\n"
        "button.on_click(fail)\n"
        "slider = w.IntSlider(value=5)\n"
        "doubled = w.Label('10')\n"
        "slider.observe(lambda change: setattr(doubled, 'value', str(change.new * 2)), 'value')\n"
        "display(slider, doubled, button, out)"
    ),
    code("with out:\n    try:\n        1 / 0\n    except ZeroDivisionError:\n        get_ipython().showtraceback()"),
]
NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    folder = tmp_path_factory.mktemp("dashboard")
    with launched(folder, *CELLS, sessions_max=20, disconnected_seconds=300) as launcher:
        (folder / "work" / "release").mkdir(exist_ok=True)
        launcher.until_ready()
        yield launcher


@pytest.fixture(scope="module")
def page(launcher: Launcher) -> str:
    """A live page of ada's."""
    return launcher.visit().text


@pytest.fixture(scope="module")
def kernel(page: str) -> str:
    return kernel_id(page)


BAD_TOKENS: dict[str, Callable[[Signer], str | None]] = {
    "none": lambda signer: None,
    "empty": lambda signer: "",
    "nonsense": lambda signer: "a.b.c",
    "forged": lambda signer: Signer().token(),
    "expired": lambda signer: signer.token(exp=int(time.time()) - 30),
    "for another dashboard": lambda signer: signer.token(aud="d00000000000"),
    "from somebody else": lambda signer: signer.token(iss="jupyterhub"),
    "without a session": lambda signer: signer.token(sid=None),
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
def test_nothing_answers_without_a_good_token(launcher: Launcher, kernel: str, kind: str) -> None:
    token = BAD_TOKENS[kind](launcher.side.signer)
    headers = {} if token is None else {"X-Noteyard-Viewer": token}
    of_kernel = [f"/live/api/kernels/{kernel}", f"/live/session/{kernel}"]
    near_assets = ["/live/assets/", "/live/assets/0123456789abcdef/static/noteyard/live.js"]
    with httpx.Client(base_url=launcher.address, headers=headers) as client:
        for path in ("/", "/live/", *of_kernel, *near_assets, "/nowhere"):
            for method in ("GET", "POST", "DELETE", "OPTIONS", "HEAD"):
                answer = client.request(method, path)
                assert answer.status_code == 403, (method, path)
                assert "set-cookie" not in answer.headers
    assert "You can open this dashboard by its link only." in httpx.get(launcher.address, headers=headers).text
    with pytest.raises(websockets.InvalidStatus) as refused:
        ViewerSocket(launcher, kernel, **{"X-Noteyard-Viewer": token or ""})
    assert refused.value.response.status_code == 403


def test_what_every_page_loads_is_for_anyone_and_nothing_beside_it(launcher: Launcher, page: str, kernel: str) -> None:
    found = re.search(r"/live/assets/[0-9a-f]{16}/", page)
    assert found is not None, page
    assets = found.group()
    with httpx.Client(base_url=launcher.address) as client:
        for name in ("chunks.js", "static/noteyard/live.js", "static/voila.js", "static/index.css"):
            answer = client.get(assets + name)
            assert answer.status_code == 200, name
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
            assert client.head(assets + name).status_code == 200
            assert client.post(assets + name).status_code == 403
            assert client.get(assets + name, headers={"Origin": "https://evil.example"}).status_code == 403
            assert client.get(assets + name, headers={"Sec-Fetch-Site": "same-site"}).status_code == 403
        for path in (
            "",
            "static/",
            "static/../../../",
            "../../",
            f"../../session/{kernel}",
            f"%2e%2e/%2e%2e/session/{kernel}",
            f"session/{kernel}",
            f"api/kernels/{kernel}",
            "static/..%2f..%2fvoila_app.py",
            "static/%2e%2e/voila_app.py",
            "static//etc/passwd",
            "static/%2fetc%2fpasswd",
            "static/../index.html.j2",
            "labextensions/../../../../etc/passwd",
            "labextensions/..%2f..%2f..%2fetc%2fpasswd",
        ):
            answer = _exactly(client, assets + path)
            assert answer.status_code in (403, 404), path
            assert "data-noteyard" in answer.text, "our plain page"
            assert "no-store" in answer.headers["cache-control"], path


def _exactly(client: httpx.Client, path: str) -> httpx.Response:
    """The answer to a path that is sent as it is written; httpx would resolve its dots."""
    url = client.base_url.copy_with(raw_path=path.encode())
    return client.send(httpx.Request("GET", url))


def test_two_tokens_are_none(launcher: Launcher) -> None:
    sign = launcher.side.signer.token
    headers = [("X-Noteyard-Viewer", sign("one")), ("X-Noteyard-Viewer", sign("two"))]
    assert httpx.get(f"{launcher.address}/live/", headers=headers).status_code == 403


@pytest.mark.parametrize("query", ["token=x", "viewer=ada", "template=base", "theme=dark", "voila-template=x"])
def test_the_address_changes_nothing(launcher: Launcher, query: str) -> None:
    assert httpx.get(f"{launcher.address}/live/?{query}").status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "image"},
    ],
)
def test_other_sites_are_refused(launcher: Launcher, kernel: str, headers: dict[str, str]) -> None:
    token = {"X-Noteyard-Viewer": launcher.side.signer.token()}
    for path in ("/live/", f"/live/session/{kernel}"):
        assert httpx.get(launcher.address + path, headers={**token, **headers}).status_code == 403
    shutdown = f"{launcher.address}/live/voila/api/shutdown/{kernel}"
    assert httpx.post(shutdown, headers={**token, **headers}).status_code == 403
    with pytest.raises(websockets.InvalidStatus) as refused:
        ViewerSocket(launcher, kernel, **headers)
    assert refused.value.response.status_code == 403
    assert launcher.ask(f"/live/session/{kernel}").status_code == 200


def test_a_kernel_is_for_its_own_viewer_only(launcher: Launcher, kernel: str) -> None:
    for sid in ("sid-of-grace", "sid-of-ada2", "SID-OF-ADA"):
        assert launcher.ask(f"/live/api/kernels/{kernel}", sid).status_code == 404
        assert launcher.ask(f"/live/session/{kernel}", sid).status_code == 404
        assert launcher.ask(f"/live/voila/api/shutdown/{kernel}", sid, method="POST").status_code == 404
        with pytest.raises(websockets.InvalidStatus) as refused:
            ViewerSocket(launcher, kernel, sid)
        assert refused.value.response.status_code == 404
    assert launcher.ask(f"/live/api/kernels/{kernel}").json()["id"] == kernel
    assert launcher.ask(f"/live/api/kernels/{NOWHERE}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/live/api",
        "/live/api/kernels",
        "/live/api/kernels/",
        "/live/api/sessions",
        "/live/api/contents",
        "/live/api/contents/sales.ipynb",
        "/live/api/terminals",
        "/live/api/kernelspecs",
        "/live/api/status",
        "/live/api/me",
        "/live/api/config/notebook",
        "/live/lab",
        "/live/tree",
        "/live/login",
        "/live/logout",
        "/live/metrics",
        "/live/files/sales.ipynb",
        "/live/sales.ipynb",
        "/live/voila/files/sales.ipynb",
        "/live/voila/files/",
        "/live/voila/tree",
        "/live/voila/render/sales.ipynb",
        "/live/voila/api/contents/",
        "/live/voila/api/themes/x",
        "/live/voila/templates/lab/index.html.j2",
        "/live/voila/templates/lab/static/../index.html.j2",
        "/live/voila/templates/lab/static/%2e%2e/index.html.j2",
        "/live/voila/static/0/voila.js",
        f"/live/voila/query/{NOWHERE}",
        f"/live/voila/execution/{NOWHERE}",
    ],
)
def test_there_is_nothing_else(launcher: Launcher, path: str) -> None:
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = launcher.ask(path, method=method)
        assert answer.status_code in (403, 404), method
        assert "data-noteyard" in answer.text, "our plain page"
        assert "secret_source" not in answer.text


def test_kernels_have_no_rest_verbs(launcher: Launcher, kernel: str) -> None:
    for method, path in (
        ("DELETE", f"/live/api/kernels/{kernel}"),
        ("POST", f"/live/api/kernels/{kernel}/restart"),
        ("POST", f"/live/api/kernels/{kernel}/interrupt"),
        ("PATCH", f"/live/api/kernels/{kernel}"),
        ("GET", f"/live/voila/api/shutdown/{kernel}"),
        ("POST", f"/live/session/{kernel}"),
        ("POST", "/live/"),
    ):
        assert launcher.ask(path, method=method).status_code in (404, 405), (method, path)
    assert launcher.ask(f"/live/session/{kernel}").status_code == 200


def test_the_page_holds_no_source_and_no_paths(launcher: Launcher, page: str) -> None:
    for hidden in ("secret_source", "never shown", "on_click", str(launcher.folder), "site-packages", "ZeroDivision"):
        assert hidden not in page


NEW_WIDGET = {"_model_module": "@jupyter-widgets/output", "_model_name": "OutputModel"}
EXECUTE = {
    "code": "open('owned', 'w').write('x')",
    "silent": False,
    "allow_stdin": True,
    "user_expressions": {"x": "1"},
}


@pytest.mark.parametrize(
    ("kind", "content", "channel"),
    [
        ("execute_request", EXECUTE, "shell"),
        ("execute_request", EXECUTE, "control"),
        ("execute_request", EXECUTE, "stdin"),
        ("inspect_request", {"code": "secret_source", "cursor_pos": 3, "detail_level": 1}, "shell"),
        ("complete_request", {"code": "secret_", "cursor_pos": 7}, "shell"),
        ("history_request", {"hist_access_type": "tail", "n": 9, "output": False, "raw": True}, "shell"),
        ("debug_request", {"type": "request", "command": "initialize", "seq": 1, "arguments": {}}, "control"),
        ("debug_request", {"type": "request", "command": "dumpCell", "seq": 1, "arguments": {"code": "1"}}, "control"),
        ("input_reply", {"value": "x"}, "stdin"),
        ("shutdown_request", {"restart": False}, "control"),
        ("interrupt_request", {}, "control"),
        ("create_subshell_request", {}, "control"),
        ("comm_open", {"comm_id": "c1", "target_name": "jupyter.widget", "data": {"state": NEW_WIDGET}}, "shell"),
        ("comm_open", {"comm_id": "c2", "target_name": "anything", "target_module": "os", "data": {}}, "shell"),
        (["execute_request"], EXECUTE, "shell"),
    ],
)
def test_nothing_is_executed_and_nothing_told(
    launcher: Launcher, kernel: str, kind: Any, content: dict[str, Any], channel: str
) -> None:
    with ViewerSocket(launcher, kernel) as socket:
        socket.send(v1(kind, content, channel, {"version": "2.1.0"}))
        socket.send(v1("kernel_info_request", {}))
        heard = socket.until("kernel_info_reply")
        heard += socket.heard(0.5)
    kinds = {message["header"]["msg_type"] for message in heard}
    assert kinds <= {"kernel_info_reply", "status"}, kinds
    assert not (launcher.folder / "release" / "owned").exists()
    assert launcher.ask(f"/live/session/{kernel}").status_code == 200
    assert "secret_source" not in json.dumps(heard)


@pytest.mark.parametrize("protocols", [[], ["something.else"], ["v0", "v2.kernel.websocket.jupyter.org"]])
def test_the_old_protocol_is_not_spoken(launcher: Launcher, kernel: str, protocols: list[Any]) -> None:
    """It passes cells' sources on in stock Voila."""
    with ViewerSocket(launcher, kernel, protocols=protocols) as socket:
        with pytest.raises(websockets.ConnectionClosed) as closed:
            socket.send(json.dumps({"header": {"msg_type": "execute_request"}, "channel": "shell", "content": EXECUTE}))
            socket.socket.recv(timeout=20)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1008


@pytest.mark.parametrize(
    "garbage",
    [b"", b"\xff" * 64, (2**62).to_bytes(8, "little"), (255).to_bytes(8, "little") * 40, "text", "{}", b"[" * 100_000],
)
def test_garbage_harms_nobody(launcher: Launcher, kernel: str, garbage: bytes | str) -> None:
    with ViewerSocket(launcher, kernel) as socket:
        socket.send(garbage)
        socket.send(v1("kernel_info_request", {}))
        socket.until("kernel_info_reply")


def test_a_socket_that_keeps_trying_is_cut_off(launcher: Launcher, kernel: str) -> None:
    with ViewerSocket(launcher, kernel) as socket, pytest.raises(websockets.ConnectionClosed):
        for _ in range(40):
            socket.send(v1("execute_request", EXECUTE))
        socket.heard(20)
    assert launcher.ask(f"/live/session/{kernel}").status_code == 200


def test_sockets_are_few(launcher: Launcher) -> None:
    kernel = kernel_id(launcher.visit("many").text)
    with ExitStack() as sockets:
        for number in range(4):
            sockets.enter_context(ViewerSocket(launcher, kernel, "many", session=f"s{number}"))
        with pytest.raises(websockets.InvalidStatus):
            ViewerSocket(launcher, kernel, "many")


def test_widgets_work_and_errors_of_theirs_stay_with_the_owner(launcher: Launcher, kernel: str) -> None:
    with ViewerSocket(launcher, kernel) as socket:
        widgets = socket.widgets()
        assert "ZeroDivision" not in json.dumps(widgets), "an Output widget's error from the execution"
        assert "secret_source" not in json.dumps(widgets)
        ids = {state["model_name"]: id for id, state in widgets.items()}
        moved = {"method": "update", "state": {"value": 21}}
        socket.send(v1("comm_msg", {"comm_id": ids["IntSliderModel"], "data": moved}))
        until(lambda: "42" in json.dumps(socket.heard(0.5)), 60, "the label follows the slider")

        clicked = {"method": "custom", "content": {"event": "click"}}
        socket.send(v1("comm_msg", {"comm_id": ids["ButtonModel"], "data": clicked}))
        heard = json.dumps(socket.until("error") + socket.heard(1))
        assert "This part of the dashboard failed. Its owner can see why." in heard
        for hidden in ("inner secret", "ValueError", "Traceback", "to the terminal"):
            assert hidden not in heard
    until(lambda: "inner secret" in launcher.side.report["log"], 60, "the owner can see why")
    assert "to the terminal" in launcher.side.report["log"]


def test_sources_do_not_pass_while_cells_execute(tmp_path: Path) -> None:
    """A page's kernel is known before its cells have executed, so a viewer can listen from the first cell on."""
    cells = [
        code("import time; time.sleep(3); early_source = 1"),
        code("late_source = 'x'; time.sleep(4); print('a printed line')"),
        code("time.sleep(2); 1 / 0  # failing_source"),
    ]
    with launched(tmp_path, *cells, preheat=0) as launcher:
        launcher.until_ready()
        token = launcher.side.signer.token()
        with httpx.stream("GET", f"{launcher.address}/live/", headers={"X-Noteyard-Viewer": token}, timeout=60) as page:
            text = ""
            for piece in page.iter_text():
                text += piece
                if '"kernelId"' in text:
                    break
            with ViewerSocket(launcher, kernel_id(text)) as socket:
                heard = json.dumps(socket.until("error"))
    assert "a printed line" in heard
    for hidden in ("early_source", "late_source", "failing_source", "ZeroDivisionError", "execute_input"):
        assert hidden not in heard


@pytest.mark.slow
def test_a_viewer_whose_access_has_ended_loses_the_socket(tmp_path: Path) -> None:
    """The page asks every 30 s through the edge; the trust in a socket ends when it has not for a while."""
    with launched(tmp_path, code("1"), disconnected_seconds=300) as launcher:
        launcher.until_ready()
        kernel = kernel_id(launcher.visit().text)
        with ViewerSocket(launcher, kernel) as socket, pytest.raises(websockets.ConnectionClosed) as closed:
            socket.heard(30)
            assert launcher.ask(f"/live/session/{kernel}").status_code == 200
            began = time.monotonic()
            socket.heard(200)
        assert 140 < time.monotonic() - began < 160
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403
