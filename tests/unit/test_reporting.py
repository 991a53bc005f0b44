"""Whether reports can arrive is what the API's health says."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from noteyard.controller.reporting import Reporting
from structlog.testing import capture_logs

from tests.support.ports import free_port
from tests.support.small_server import serving


class Health(BaseHTTPRequestHandler):
    """Says `status`, at the address of health alone."""

    status = 200

    def do_GET(self) -> None:
        """One answer."""
        self.send_response(Health.status if self.path == "/internal/v1/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def api() -> Iterator[str]:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Health)) as address:
        yield address


async def test_reports_arrive_while_the_api_is_well_and_each_change_is_told_once(api: str) -> None:
    reporting = Reporting(api)
    assert reporting.works, "until something else is known"
    with capture_logs() as said:
        for status, works in ((200, True), (503, False), (503, False), (200, True)):
            Health.status = status
            await reporting.turn()
            assert reporting.works is works
    await reporting.http.aclose()
    assert [line["event"] for line in said] == [
        "the api takes no reports; nobody is called silent",
        "the api takes reports again",
    ]


async def test_no_answer_is_none() -> None:
    reporting = Reporting(f"http://127.0.0.1:{free_port()}")
    await reporting.turn()
    await reporting.http.aclose()
    assert not reporting.works
