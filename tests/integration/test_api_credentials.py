"""The broker's route: what pods that have shown who they are get, how often, and what is noted of it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from noteyard.api import s3_credentials
from noteyard.backends import Caller
from noteyard.domain import DataUser
from noteyard.errors import Forbidden
from noteyard.s3_sessions import StaticKeys, sessions
from noteyard.store.people import disable_person
from noteyard.store.tables import AuditEntry
from sqlalchemy import select

from tests.support.app import HUB, api
from tests.support.rows import add_person

URL = "/internal/v1/s3/credentials"
DATA = {"team_url": "s3://team-data", "personal_url": "s3://people/{person}", "credentials": "static"}


class Tokens:
    """Knows tokens as the Kubernetes API would: `NAME-token` is of NAME's lab."""

    async def identify(self, token: str) -> Caller:
        if not token.endswith("-token"):
            raise Forbidden("The token is not valid, or not any more.")
        return Caller(DataUser.PERSON, token.removesuffix("-token"), "uid-1")

    async def close(self) -> None:
        return


@pytest.fixture
def app(tmp_path: Path) -> Iterator[FastAPI]:
    with api(tmp_path, s3=DATA) as made:
        keys = tmp_path / "s3-keys"
        keys.mkdir()
        (keys / "ada").write_text(json.dumps({"access_key": "ADAKEY", "secret_key": "ada-secret"}))
        broker = s3_credentials.Broker(Tokens(), sessions(made.state.settings, made.state.instance))
        made.state.broker = broker
        made.include_router(s3_credentials.router)
        with made.state.database.write() as session:
            for name in ("root", "ada", "bob"):
                add_person(session, name, admin=name == "root")
        yield made


def ask(app: FastAPI, token: str = "ada-token") -> tuple[int, dict[str, str], str]:
    answer = TestClient(app, base_url=HUB).post(URL, headers={"Authorization": f"Bearer {token}"})
    return answer.status_code, answer.json(), answer.headers.get("cache-control", "")


def test_a_lasting_key_is_to_be_asked_for_again(app: FastAPI) -> None:
    status, found, caching = ask(app)
    assert (status, caching) == (200, "no-store")
    expires = datetime.fromisoformat(found.pop("Expiration"))
    assert timedelta(minutes=59) < expires - datetime.now(UTC) <= timedelta(hours=1)
    assert found == {"AccessKeyId": "ADAKEY", "SecretAccessKey": "ada-secret", "Token": ""}


def test_who_has_no_key_is_told_what_to_do(app: FastAPI) -> None:
    status, found, _ = ask(app, "bob-token")
    assert (status, found["detail"]) == (403, "There is no S3 key for bob.")
    assert found["hint"] == "An administrator adds bob to the Secret that s3.keysSecret names in the chart's values."


def test_a_key_that_cannot_be_read_is_told(app: FastAPI, tmp_path: Path) -> None:
    (tmp_path / "s3-keys" / "bob").write_text("BOBKEY:secret")
    status, found, _ = ask(app, "bob-token")
    assert (status, found["detail"]) == (503, "The S3 key of bob can't be read.")
    assert "secret" not in json.dumps(found).replace("secret_key", "")


def test_strangers_and_the_disabled_get_nothing(app: FastAPI) -> None:
    assert TestClient(app, base_url=HUB).post(URL).status_code == 401
    assert ask(app, "guess")[:2][0] == 403
    assert ask(app, "eve-token")[1]["detail"] == "eve is disabled or unknown, and gets no data."
    with app.state.database.write() as session:
        disable_person(session, "ada")
    status, found, _ = ask(app)
    assert (status, found["detail"]) == (403, "ada is disabled or unknown, and gets no data.")


def test_it_is_noted_once_a_pod_and_without_secrets(app: FastAPI) -> None:
    for token in ("ada-token", "ada-token", "eve-token", "eve-token"):
        ask(app, token)
    with app.state.database.read() as session:
        rows = list(session.scalars(select(AuditEntry).where(AuditEntry.action.startswith("data.", autoescape=True))))
        assert [(row.who, row.action, row.thing, row.detail) for row in rows] == [
            ("ada", "data.open", "person ada (pod uid-1)", {"team": "write", "own": "write"}),
            (
                "eve",
                "data.refuse",
                "person eve (pod uid-1)",
                {"reason": "eve is disabled or unknown, and gets no data."},
            ),
        ]


def test_a_pod_that_asks_without_end_is_slowed(app: FastAPI) -> None:
    statuses = [ask(app, "guess")[0] for _ in range(s3_credentials.PER_MINUTE + 1)]
    assert statuses == [403] * s3_credentials.PER_MINUTE + [429]
    assert ask(app)[1]["detail"] == "This pod asks for credentials too often."


def test_dashboards_have_a_key_of_their_own(tmp_path: Path) -> None:
    from noteyard.s3_places import DataIdentity

    keys = StaticKeys(tmp_path, 3600)
    shown = DataIdentity(DataUser.DASHBOARD, "ada", "d1.1.1")
    (tmp_path / "ada").write_text(json.dumps({"access_key": "ADAKEY", "secret_key": "ada-secret"}))
    with pytest.raises(Forbidden, match="There is no S3 key for dashboards"):
        keys.open(shown)
    (tmp_path / "_dashboards").write_text(json.dumps({"access_key": "SHOW", "secret_key": "reads"}))
    assert keys.open(shown).access_key == "SHOW"
    assert keys.open(DataIdentity(DataUser.RUN, "ada", "r1.1")).access_key == "ADAKEY"


def test_there_is_no_such_route_on_one_machine(tmp_path: Path) -> None:
    with api(tmp_path, s3=DATA) as app:
        assert ask(app)[0] == 404
