"""Releases by REST: content-addressed, checked whole, nothing stored when refused."""

import http.client
import json
import select
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from noteyard.releases import Manifest, ReleaseFile
from noteyard.settings import Profile, Releases
from noteyard.store.images import keep_images

from tests.support.app import HUB, api, browser, served
from tests.support.rows import add_person, notebook
from tests.support.upload import files_of, release_of, send_release

NOTEBOOK = json.dumps(notebook("print(n)", parameters="n: int = 1  # How many")).encode()
MULTIPART = {"Content-Type": "multipart/form-data; boundary=cut"}
PIECE = b"0" * 1024 * 1024
SENT_PIECES = 96
SENT = SENT_PIECES * len(PIECE)


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    with api(tmp_path, releases=Releases(size_limit_mb=1)) as app:
        with app.state.database.write() as session:
            add_person(session, "ada")
            add_person(session, "bob")
        yield app


def stored(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "objects").rglob("*") if path.is_file()]


def test_a_release_holds_its_files_and_schema(app: FastAPI, ada: TestClient) -> None:
    answer = send_release(ada, {"report.ipynb": NOTEBOOK, "tools/clean.py": b"x = 1\n"})
    assert answer.status_code == 201
    body = answer.json()
    assert [file["path"] for file in body["files"]] == ["report.ipynb", "tools/clean.py"]
    assert body["schema"]["properties"]["n"]["type"] == "integer"
    assert body["owners"] == ["ada"]
    assert ada.get(f"/api/v1/releases/{body['id']}/files/tools/clean.py").content == b"x = 1\n"


def test_the_same_content_twice_is_one_release_with_two_owners(app: FastAPI, ada: TestClient) -> None:
    first = send_release(ada, {"report.ipynb": NOTEBOOK})
    again = send_release(ada, {"report.ipynb": NOTEBOOK})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    bobs = send_release(browser(app, "bob"), {"report.ipynb": NOTEBOOK})
    assert bobs.json()["owners"] == ["ada", "bob"]


def test_the_list_is_paged_from_what_was_made_last(ada: TestClient) -> None:
    first, second, third = (release_of(ada, f"print({number})") for number in range(3))
    assert release_of(ada, "print(0)") == first
    one = ada.get("/api/v1/releases", params={"limit": 2}).json()
    assert [item["id"] for item in one["items"]] == [first, third]
    two = ada.get("/api/v1/releases", params={"limit": 2, "cursor": one["next"]}).json()
    assert ([item["id"] for item in two["items"]], two["next"]) == ([second], None)
    assert (
        one["items"][0]["created"]
        == ada.get(f"/api/v1/releases/{first}").json()["created"]
        > two["items"][0]["created"]
    )
    refused = ada.get("/api/v1/releases", params={"cursor": first})
    assert refused.status_code == 422
    said = f"{first!r} is not the `next` of a page; leave it out to begin with the first one"
    assert refused.json()["fields"] == [{"field": "cursor", "message": said}]


def test_a_release_remembers_its_profiles_image_by_digest(tmp_path: Path) -> None:
    profiles = [Profile(name="default", image="example.org/lab:1"), Profile(name="other", image="example.org/lab:2")]
    with api(tmp_path, profiles=profiles) as made:
        with made.state.database.write() as session:
            add_person(session, "ada")
        ada = browser(made, "ada")
        before = send_release(ada, {"report.ipynb": NOTEBOOK}).json()
        for name in ("example.org/lab@sha256:a", "example.org/lab@sha256:b"):
            with made.state.database.write() as session:
                keep_images(session, {"example.org/lab:1": name})
            answer = send_release(ada, {"report.ipynb": NOTEBOOK})
            assert (answer.status_code, answer.json()["image"]) == (201, name)
            assert send_release(ada, {"report.ipynb": NOTEBOOK}).json()["id"] == answer.json()["id"]
            assert ada.get(f"/api/v1/releases/{answer.json()['id']}").json()["image"] == name
        assert before["image"] is None
        assert ada.get(f"/api/v1/releases/{before['id']}").json() == before, "a release is what it was"


def test_a_release_without_an_image_has_the_id_that_it_always_had() -> None:
    file = ReleaseFile("report.ipynb", "5" * 64, 12)
    manifest = Manifest("report.ipynb", "default", None, (file,))
    assert manifest.canonical() == (
        '{"environment_digest":null,"files":[{"path":"report.ipynb","sha256":"' + "5" * 64 + '","size":12}],'
        '"notebook":"report.ipynb","profile":"default"}'
    )
    assert replace(manifest, image="lab@sha256:a").id != manifest.id


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("../secret.py", "a path stays inside the notebook's folder"),
        ("a/../../b.py", "a path stays inside the notebook's folder"),
        ("/etc/passwd", "a path is relative to the notebook's folder"),
        ("C:/x.py", "a path is relative to the notebook's folder"),
        ("a\\b.py", "a path is relative to the notebook's folder"),
        ("a//b.py", "a path stays inside the notebook's folder"),
    ],
)
def test_a_path_that_escapes_is_refused_and_nothing_is_stored(
    ada: TestClient, tmp_path: Path, path: str, why: str
) -> None:
    answer = send_release(ada, {"report.ipynb": NOTEBOOK, path: b"x"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    (message,) = (field["message"] for field in answer.json()["fields"] if field["field"].endswith(".path"))
    assert message.startswith(f"{path!r} is refused: {why}")
    assert answer.json()["hint"] == "Nothing was stored. Correct the manifest and send it again."
    assert stored(tmp_path) == []


def test_a_release_over_the_limit_is_refused_and_nothing_is_stored(ada: TestClient, tmp_path: Path) -> None:
    answer = send_release(ada, {"report.ipynb": NOTEBOOK, "big.bin": b"0" * (1024 * 1024)})
    assert answer.status_code == 413
    assert answer.json()["detail"] == "The release has 1.0 MiB; the limit is 1 MiB. Nothing was stored."
    assert stored(tmp_path) == []


@pytest.mark.parametrize("said", ["its length", "nothing of its length"])
def test_an_upload_over_the_limit_is_refused_while_it_comes(
    app: FastAPI, ada: TestClient, tmp_path: Path, said: str
) -> None:
    """By a real server: a test client's body is there all at once."""
    head = {"Cookie": f"noteyard-session={ada.cookies['noteyard-session']}", "Origin": HUB, **MULTIPART}
    length = {"Content-Length": str(SENT)} if said == "its length" else {"Transfer-Encoding": "chunked"}
    with served(app) as port, socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        lines = [f"{name}: {value}" for name, value in {"Host": "localhost:8000", **head, **length}.items()]
        connection.sendall("\r\n".join(["POST /api/v1/releases HTTP/1.1", *lines, "", ""]).encode())
        sent = send_until_answered(connection, chunked=said != "its length")
        assert sent < SENT / 2
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        body = json.loads(answer.read())
    assert (answer.status, answer.headers["content-type"]) == (413, "application/problem+json")
    size = f"{SENT / 1024 / 1024:.1f}" if said == "its length" else "more than 17.0"
    assert body["detail"] == f"The release has {size} MiB; the limit is 1 MiB. Nothing was stored."
    assert body["hint"].startswith("Leave large data out and read it from S3")
    assert stored(tmp_path) == []


def send_until_answered(connection: socket.socket, *, chunked: bool) -> int:
    """Send a form's file piece by piece until the server says something; how many bytes that were."""
    pieces = [
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="big.bin"\r\n\r\n',
        *[PIECE] * SENT_PIECES,
    ]
    sent = 0
    for piece in pieces:
        if select.select([connection], [], [], 0)[0]:
            break
        connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        sent += len(piece)
    return sent


def test_a_file_that_differs_from_its_digest_is_refused(ada: TestClient, tmp_path: Path) -> None:
    files = files_of({"report.ipynb": NOTEBOOK, "a.py": b"one"})
    answer = send_release(ada, {"report.ipynb": NOTEBOOK, "a.py": b"two"}, files=files)
    assert answer.status_code == 422
    assert "'a.py' differs from its digest" in answer.json()["detail"]
    assert stored(tmp_path) == []


def test_a_file_that_is_not_sent_or_not_listed_is_named(ada: TestClient) -> None:
    files = files_of({"report.ipynb": NOTEBOOK, "a.py": b"one"})
    detail = send_release(ada, {"report.ipynb": NOTEBOOK, "b.py": b"two"}, files=files).json()["detail"]
    assert "'a.py' was not sent" in detail
    assert "'b.py' was sent but is not in the manifest" in detail


def test_what_is_no_notebook_is_refused(ada: TestClient) -> None:
    assert "is not a notebook" in send_release(ada, {"report.ipynb": b"{}"}).json()["detail"]
    assert "is not a notebook (.ipynb)" in send_release(ada, {"report.py": b"x"}).json()["detail"]


def test_others_do_not_see_a_release(app: FastAPI, ada: TestClient) -> None:
    id = release_of(ada, "1")
    answer = browser(app, "bob").get(f"/api/v1/releases/{id}")
    assert answer.status_code == 404
    assert answer.json()["detail"] == f"There is no release {id[:12]!r}."


def test_a_change_from_another_origin_is_refused(ada: TestClient) -> None:
    ada.headers["Origin"] = "http://bob.localhost:8000"
    answer = send_release(ada, {"report.ipynb": NOTEBOOK})
    assert answer.status_code == 403
    assert answer.json()["detail"] == "This change did not come from a page of Noteyard."


def test_nobody_gets_in_without_a_session(app: FastAPI) -> None:
    answer = TestClient(app, base_url="http://localhost:8000").get("/api/v1/releases")
    assert answer.status_code == 401
    assert answer.json()["detail"] == "This needs a login or an API token."
