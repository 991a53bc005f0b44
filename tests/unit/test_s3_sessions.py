"""What is said when STS gives no keys, and what sessions are called."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest
from noteyard.domain import DataUser
from noteyard.errors import Unavailable
from noteyard.s3_places import DataIdentity
from noteyard.s3_sessions import StsSessions, session_name
from noteyard.s3_settings import S3

ADA = DataIdentity(DataUser.PERSON, "ada", "ada")


@pytest.mark.parametrize(
    ("identity", "name"),
    [
        (ADA, "ada.person"),
        (DataIdentity(DataUser.RUN, "a.da", "r4k2m9x0q1abcdef.1"), "a.da.run.r4k2m9x0q1abcdef.1"),
        (DataIdentity(DataUser.PERSON, "a_b-c", "a_b-c"), "a_b-c.person"),
        (DataIdentity(DataUser.RUN, "a" * 40, "r" * 16 + ".12"), "a" * 40 + ".run." + "r" * 16 + ".12"),
        (DataIdentity(DataUser.DASHBOARD, "a" * 40, "d" * 40), "a" * 40 + ".dashboard." + "d" * 13),
    ],
)
def test_sessions_say_whose_they_are(identity: DataIdentity, name: str) -> None:
    assert session_name(identity) == name
    assert len(name) <= 64


@pytest.fixture
def refusing() -> Iterator[tuple[str, list[str]]]:
    """A server that knows no keys; and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append(f"{self.headers['Authorization']} {unquote_plus(form)}")
            body = (
                b"<ErrorResponse><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code>"
                b"<Message>The security token is invalid.</Message></Error></ErrorResponse>"
            )
            self.send_response(403)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def keys(folder: Path, access_key: str) -> None:
    (folder / "s3-access-key").write_text(f"{access_key}\n")
    (folder / "s3-secret-key").write_text("secret-of-the-broker\n")


def test_refused_keys_are_the_administrators_to_mend(refusing: tuple[str, list[str]], tmp_path: Path) -> None:
    url, asked = refusing
    keys(tmp_path, "FIRST")
    broker = StsSessions(S3(team_url="s3://team", endpoint=url), tmp_path)
    with pytest.raises(Unavailable) as refused:
        broker.open(ADA)
    assert refused.value.message == "STS refuses Noteyard's own keys (InvalidClientTokenId)."
    assert refused.value.hint == "An administrator finds in docs/s3.md what the broker's keys and role need."
    assert "Credential=FIRST/" in asked[0]
    # Keys that were changed are taken without a restart.
    keys(tmp_path, "SECOND")
    with pytest.raises(Unavailable):
        broker.open(ADA)
    assert "Credential=SECOND/" in asked[-1]


def test_a_session_is_asked_for_with_the_clouds_partition_and_the_buckets_key(
    refusing: tuple[str, list[str]], tmp_path: Path
) -> None:
    url, asked = refusing
    keys(tmp_path, "FIRST")
    role, key = "arn:aws-cn:iam::123456789012:role/data", "arn:aws-cn:kms:cn-north-1:123456789012:key/one"
    with pytest.raises(Unavailable):
        StsSessions(S3(team_url="s3://team", endpoint=url, role_arn=role, kms_key_arn=key), tmp_path).open(ADA)
    assert f'"Resource":["{key}"]' in asked[0]
    assert "arn:aws-cn:s3:::team" in asked[0] and "arn:aws:" not in asked[0]


def test_an_sts_that_is_away_is_tried_again(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        keys(tmp_path, "FIRST")
        with pytest.raises(Unavailable) as away:
            StsSessions(S3(team_url="s3://team", endpoint=url), tmp_path).open(ADA)
    assert away.value.message == "STS does not answer (EndpointConnectionError)."
