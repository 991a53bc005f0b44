"""What the API deletes of a removed person's S3 data, on a server as real ones seldom are: without the bucket,
refusing, with names no path has, or more than one request deletes. A real server is in tests/kubernetes."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, quote_plus, unquote, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from noteyard.api import s3_credentials, s3_purges
from noteyard.backends import Callers
from noteyard.backends.kubernetes.personal_s3 import delete_personal_s3
from noteyard.errors import Unavailable
from noteyard.instance import Instance
from noteyard.s3_sessions import sessions
from noteyard.store.people import remove_person
from noteyard.store.purging import want_purge

from tests.support.app import HUB, api
from tests.support.rows import add_person

PAGE = 3


class SmallS3(ThreadingHTTPServer):
    """Lists PAGE names at a time and deletes one, but for `kept`; answers `refusal` to all when there is one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.names: set[str] = set()
        self.kept: set[str] = set()
        self.refusal = ""
        self.keys: set[str] = set()


class Answers(BaseHTTPRequestHandler):
    server: SmallS3

    def do_GET(self) -> None:
        self.server.keys.add(self.headers["Authorization"].partition("Credential=")[2].partition("/")[0])
        asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        if self.server.refusal:
            return self.say(403, f"<Error><Code>{self.server.refusal}</Code></Error>")
        found = [name for name in sorted(self.server.names) if name.startswith(asked.get("prefix", ""))]
        found = [name for name in found if name > asked.get("continuation-token", "")]
        more = len(found) > PAGE
        keys = "".join(f"<Contents><Key>{quote_plus(name)}</Key></Contents>" for name in found[:PAGE])
        going_on = f"<NextContinuationToken>{found[PAGE - 1]}</NextContinuationToken>" if more else ""
        return self.say(
            200,
            f"<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>"
            f"{going_on}{keys}</ListBucketResult>",
        )

    def do_DELETE(self) -> None:
        name = unquote(self.path.removeprefix("/people/"))
        if name in self.server.kept:
            return self.say(403, "<Error><Code>AccessDenied</Code></Error>")
        self.server.names.discard(name)
        return self.say(204, "")

    def say(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def s3() -> Iterator[SmallS3]:
    with SmallS3() as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def app(tmp_path: Path, s3: SmallS3) -> Iterator[FastAPI]:
    endpoint = f"http://127.0.0.1:{s3.server_port}"
    data = {"team_url": "s3://team-data", "personal_url": "s3://people/{person}", "credentials": "static"}
    with api(tmp_path, s3={**data, "endpoint": endpoint}) as made:
        (tmp_path / "s3-keys").mkdir()
        (tmp_path / "s3-keys" / "ada").write_text(json.dumps({"access_key": "ADAKEY", "secret_key": "ada-secret"}))
        broker = s3_credentials.Broker(NoCallers(), sessions(made.state.settings, made.state.instance))
        made.state.broker = broker
        made.include_router(s3_purges.router)
        with made.state.database.write() as session:
            for name in ("root", "ada", "bob", "eve"):
                add_person(session, name, admin=name == "root")
            for name in ("ada", "bob"):
                remove_person(session, name, by="root")
                want_purge(session, name, {}, by="root")
        yield made


class NoCallers(Callers):
    async def identify(self, token: str) -> Any:
        raise AssertionError("no pod asks")

    async def close(self) -> None:
        return


def purge(app: FastAPI, person: str = "ada") -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {app.state.instance.secret('internal')}"}
    answer = TestClient(app, base_url=HUB).delete(f"/internal/v1/s3/people/{person}", headers=headers)
    return answer.status_code, answer.json()


def test_it_deletes_by_the_servers_own_names_and_only_the_persons(app: FastAPI, s3: SmallS3) -> None:
    mine = {"ada/a.txt", "ada/a//b", "ada/folder/", "ada/ä + %25 ?.txt", "ada/x/y/z", "ada//", "ada/last", "ada"}
    s3.names = mine | {"adam/a.txt", "ad"}
    assert purge(app) == (200, {"done": True})
    assert s3.names == {"adam/a.txt", "ad"}
    assert s3.keys == {"ADAKEY"}


def test_an_object_of_the_folders_name_that_the_key_is_not_for_keeps_no_purge_from_its_end(
    app: FastAPI, s3: SmallS3
) -> None:
    s3.names, s3.kept = {"ada/a.txt", "ada"}, {"ada"}
    assert purge(app) == (200, {"done": True})
    assert s3.names == {"ada"}


def test_what_one_request_has_no_time_for_the_next_deletes(
    app: FastAPI, s3: SmallS3, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.names = {f"ada/{number}" for number in range(2 * PAGE)}
    monkeypatch.setattr(s3_purges, "AT_MOST_SECONDS", -1)
    assert purge(app) == (200, {"done": False})
    monkeypatch.undo()
    assert purge(app) == (200, {"done": True})
    assert s3.names == set()


def test_a_bucket_that_was_never_made_keeps_nothing(app: FastAPI, s3: SmallS3) -> None:
    s3.refusal = "NoSuchBucket"
    assert purge(app) == (200, {"done": True})


def test_a_refusal_is_told_and_tried_again(app: FastAPI, s3: SmallS3) -> None:
    s3.refusal = "AccessDenied"
    status, said = purge(app)
    assert (status, said["detail"]) == (503, "s3://people/ada could not be deleted (AccessDenied).")
    s3.server_close()
    status, said = purge(app)
    assert (status, said["detail"]) == (503, "s3://people/ada could not be deleted (EndpointConnectionError).")


def test_who_has_no_key_any_more_is_purged_all_the_same(
    app: FastAPI, s3: SmallS3, capsys: pytest.CaptureFixture[str]
) -> None:
    s3.names = {"bob/left"}
    assert purge(app, "bob") == (200, {"done": True})
    assert s3.names == {"bob/left"}
    said = capsys.readouterr()
    assert "S3 data left by a purge" in said.out + said.err


def test_nobody_else_is_purged(app: FastAPI, s3: SmallS3) -> None:
    s3.names = {"eve/kept"}
    status, said = purge(app, "eve")
    assert (status, said["detail"]) == (409, "The data of 'eve' is not to be purged.")
    assert TestClient(app, base_url=HUB).delete("/internal/v1/s3/people/ada").status_code == 401
    assert s3.names == {"eve/kept"}


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (httpx.Response(502, text="<html>Bad gateway</html>"), "it answered with 502"),
        (httpx.Response(200, json={}), "it answered with 200"),
        (httpx.Response(503, json={"detail": "STS does not answer."}), "STS does not answer."),
    ],
)
async def test_the_controller_says_what_kept_it_from_deleting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: httpx.Response, told: str
) -> None:
    async def delete(*_: object, **__: object) -> httpx.Response:
        return answer

    monkeypatch.setattr(httpx.AsyncClient, "delete", delete)
    instance = Instance(tmp_path, (("api", "http://api"),))
    instance.make_secrets()
    with pytest.raises(Unavailable) as refused:
        await delete_personal_s3(instance, "ada")
    assert refused.value.message == f"The API did not delete the S3 data of ada: {told}"
