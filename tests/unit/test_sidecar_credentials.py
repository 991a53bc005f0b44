"""The sidecar's credentials endpoint, asked by botocore as people's code does; the broker behind it is scripted."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import ContainerProvider
from botocore.exceptions import CredentialRetrievalError
from noteyard.s3_mount.sidecar import credentials_keeper
from noteyard.s3_mount.sidecar.credentials_options import CredentialsOptions, credentials_options
from noteyard.s3_mount.sidecar.credentials_server import CredentialsServer, serve_credentials

from tests.support.waiting import until

Answer = tuple[int, dict[str, Any]]


class Broker:
    """Answers what the test says; `asked` are the tokens it was shown."""

    def __init__(self) -> None:
        self.answer: Callable[[], Answer] = lambda: (503, {"detail": "Not yet."})
        self.asked: list[str] = []
        broker = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                broker.asked.append(self.headers["Authorization"])
                status, document = broker.answer()
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/credentials"

    def give(self, seconds: float) -> None:
        """Sessions of so many seconds, numbered from one."""

        def answer() -> Answer:
            expires = datetime.now(UTC) + timedelta(seconds=seconds)
            return 200, {
                "AccessKeyId": f"KEY{len(self.asked)}",
                "SecretAccessKey": "secret-of-the-session",
                "Token": "token-of-the-session",
                "Expiration": expires.isoformat(),
            }

        self.answer = answer

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    monkeypatch.setattr(credentials_keeper, "FIRST_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(credentials_keeper, "LONGEST_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(credentials_keeper, "REFUSED_SECONDS", 0.05)
    made = Broker()
    yield made
    made.close()


@pytest.fixture
def serve(broker: Broker, tmp_path: Path) -> Iterator[Callable[[], CredentialsServer]]:
    (tmp_path / "token").write_text("pod-token\n")
    (tmp_path / "shared").mkdir(exist_ok=True)
    started: list[CredentialsServer] = []

    def start() -> CredentialsServer:
        options = CredentialsOptions(broker.url, tmp_path / "token", tmp_path / "shared", 0)
        started.append(serve_credentials(options))
        return started[-1]

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def client(server: CredentialsServer, folder: Path) -> ContainerProvider:
    return ContainerProvider(
        environ={
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{server.server_port}/credentials",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(folder / "shared" / "authorization"),
        }
    )


def document(server: CredentialsServer, folder: Path, **headers: str) -> Answer:
    shown = {"Authorization": (folder / "shared" / "authorization").read_text(), **headers}
    request = urllib.request.Request(f"http://127.0.0.1:{server.server_port}/credentials", headers=shown)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_clients_get_a_session_in_the_documented_form(
    broker: Broker, serve: Callable[[], CredentialsServer], tmp_path: Path
) -> None:
    broker.give(3600)
    server = serve()
    found = client(server, tmp_path).load().get_frozen_credentials()
    assert (found.access_key, found.secret_key, found.token) == (
        "KEY1",
        "secret-of-the-session",
        "token-of-the-session",
    )
    status, answer = document(server, tmp_path)
    assert status == 200
    assert set(answer) == {"AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
    assert datetime.strptime(answer["Expiration"], "%Y-%m-%dT%H:%M:%SZ")
    assert broker.asked == ["Bearer pod-token"]  # the second client got what was there


def test_who_cannot_read_the_pods_files_gets_nothing(
    broker: Broker, serve: Callable[[], CredentialsServer], tmp_path: Path
) -> None:
    broker.give(3600)
    server = serve()
    for shown in ("", "guess", "Bearer pod-token"):
        status, answer = document(server, tmp_path, Authorization=shown)
        assert (status, answer["code"]) == (401, "Unauthorized")
    mode = (tmp_path / "shared" / "authorization").stat().st_mode
    assert mode & 0o777 == 0o440
    assert [path.name for path in (tmp_path / "shared").iterdir()] == ["authorization"]


def test_a_sidecar_that_starts_again_takes_what_clients_have_read(
    broker: Broker, serve: Callable[[], CredentialsServer], tmp_path: Path
) -> None:
    broker.give(3600)
    serve()
    before = (tmp_path / "shared" / "authorization").read_text()
    assert document(serve(), tmp_path, Authorization=before)[0] == 200


def test_sessions_are_renewed_before_they_end(
    broker: Broker, serve: Callable[[], CredentialsServer], tmp_path: Path
) -> None:
    broker.give(2)
    server = serve()
    keys = set()

    def third() -> bool:
        keys.add(document(server, tmp_path)[1]["AccessKeyId"])
        return len(keys) >= 3

    until(third, 20, "a third session; each answer was one that holds")


def test_the_pods_token_is_read_anew(broker: Broker, serve: Callable[[], CredentialsServer], tmp_path: Path) -> None:
    broker.give(1)
    serve()
    (tmp_path / "token").write_text("renewed-token")
    until(lambda: broker.asked[-1:] == ["Bearer renewed-token"], 20, "the renewed token to be shown")


def test_a_session_goes_on_while_the_broker_is_away_and_then_it_says_so(
    broker: Broker, serve: Callable[[], CredentialsServer], tmp_path: Path
) -> None:
    broker.give(3)
    server = serve()
    assert document(server, tmp_path)[1]["AccessKeyId"] == "KEY1"
    broker.answer = lambda: (503, {"detail": "STS does not answer.", "hint": "It is tried again."})
    until(lambda: len(broker.asked) > 1, 20, "a try to renew it")
    assert document(server, tmp_path)[1]["AccessKeyId"] == "KEY1"
    until(lambda: document(server, tmp_path)[0] == 503, 20, "its end")
    assert document(server, tmp_path)[1] == {
        "code": "ServiceUnavailable",
        "message": "STS does not answer. It is tried again.",
    }
    broker.give(3600)
    until(lambda: document(server, tmp_path)[0] == 200, 20, "it to go on when the broker is back")


def test_a_broker_that_was_never_there(broker: Broker, serve: Callable[[], CredentialsServer], tmp_path: Path) -> None:
    broker.close()
    server = serve()
    status, answer = document(server, tmp_path)
    assert (status, answer["message"]) == (503, "Noteyard's API does not answer: Connection refused.")
    assert not server.keeper.settle(0)


def test_a_pod_that_is_refused_has_nothing_left_and_its_code_reads_why(
    broker: Broker, serve: Callable[[], CredentialsServer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.give(0.5)
    server = serve()
    assert document(server, tmp_path)[0] == 200
    broker.answer = lambda: (403, {"detail": "ada is disabled or unknown, and gets no data."})
    until(lambda: document(server, tmp_path)[0] == 403, 20, "the refusal to arrive")
    monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
    with pytest.raises(CredentialRetrievalError, match="ada is disabled or unknown, and gets no data"):
        client(server, tmp_path).load()
    broker.give(3600)
    until(lambda: document(server, tmp_path)[0] == 200, 20, "a person that was enabled again to go on")


@pytest.mark.parametrize("answer", [(200, {"AccessKeyId": "x"}), (200, {"detail": "odd"}), (500, {})])
def test_answers_that_are_none(
    broker: Broker, serve: Callable[[], CredentialsServer], tmp_path: Path, answer: Answer
) -> None:
    broker.answer = lambda: answer
    assert document(serve(), tmp_path)[0] == 503


def test_no_secret_is_logged(
    broker: Broker, serve: Callable[[], CredentialsServer], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    broker.give(3600)
    server = serve()
    document(server, tmp_path)
    assert "credentials until" in caplog.text
    for secret in ("secret-of-the-session", "token-of-the-session", "pod-token", server.authorization.decode()):
        assert secret not in caplog.text


def test_options_are_refused_by_their_names() -> None:
    assert credentials_options({}) is None
    with pytest.raises(SystemExit, match="NOTEYARD_S3_TOKEN is not set"):
        credentials_options({"NOTEYARD_S3_BROKER": "http://api"})
