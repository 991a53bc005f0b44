"""Files that every live page loads, through the real edge: for anyone, and told of nobody; all else asks the API."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from noteyard.domain import Audience, WorkloadState
from noteyard.store.dashboards import NewDashboard, publish
from noteyard.store.workloads import Report, begin_process, claim_process, report_process

from tests.support.installation import Installation, installation
from tests.support.rows import add_some_release
from tests.support.waiting import until

SECRETS = {"Cookie": "noteyard-viewer=x", "Authorization": "Bearer x", "X-Noteyard-Viewer": "forged"}
ASSET = "/live/assets/0123456789abcdef/chunks.js"


class _Echo(BaseHTTPRequestHandler):
    """Stands in for a dashboard's process: answers the headers it was sent."""

    def do_GET(self) -> None:
        told = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, *arguments: object) -> None:
        return


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installation(tmp_path_factory.mktemp("edge") / "state") as running:
        running.person("alice")
        yield running


@pytest.fixture
def process() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_assets_are_for_anyone_and_nothing_else_is(hub: Installation, process: str) -> None:
    with hub.database.write() as session:
        release = add_some_release(session, "alice")
        dashboard = publish(session, NewDashboard("sales", "Sales", Audience.PUBLIC), release, "alice")
        dashboard.awake = True
        id, token = begin_process(session, dashboard, 1, False, 1)
    with hub.database.write() as session:
        row = claim_process(session, id, token, token)
        report_process(session, row, Report(WorkloadState.READY, address=process))
    client = hub.client("sales.apps.localhost")
    told = until(lambda: (answer := client.get(ASSET, headers=SECRETS)).status_code == 200 and answer, 10, "the route")
    assert not {name.lower() for name in SECRETS} & set(told.json()), "who asks is told to nobody"
    for method, path in (
        ("GET", "/live/"),
        ("GET", "/live/assets"),
        ("GET", "/live/api/kernels/x"),
        ("GET", "/live/session/live/assets/x"),
        ("POST", ASSET),
        ("DELETE", ASSET),
        ("OPTIONS", ASSET),
    ):
        assert client.request(method, path, headers=SECRETS).status_code == 404, "the small API allows nothing"
