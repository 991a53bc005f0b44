"""Asking a provider again about somebody who is logged in: what ends a login, and what only says nothing of it."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from noteyard.login_settings import Login
from noteyard.oauth_login import provider_class
from noteyard.store import Database
from noteyard.store.migrate import migrate
from noteyard.store.provider_logins import Known, take_over
from noteyard.store.sessions import open_session, people_logged_in
from oauthenticator.generic import GenericOAuthenticator

from tests.support.small_server import serving

FINE = {"access_token": "a2", "token_type": "Bearer", "refresh_token": "r2", "expires_in": 300}
CLAIMS = {"preferred_username": "ada", "sub": "s-ada"}


@dataclass
class Answer:
    """What the provider says: a status, a body (JSON unless it is text) and further headers."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Provider(ThreadingHTTPServer):
    """Answers that a real provider does not give on demand."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.token, self.claims = Answer(body=FINE), Answer(body=CLAIMS)
        self.asked = 0
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Provider

    def do_POST(self) -> None:
        """A token for a refresh token."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked += 1
        self._send(self.server.token)

    def do_GET(self) -> None:
        """The claims of whom a token belongs to."""
        self._send(self.server.claims)

    def _send(self, answer: Answer) -> None:
        body = (answer.body if isinstance(answer.body, str) else json.dumps(answer.body)).encode()
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(body)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@dataclass
class HubUser:
    """What JupyterHub keeps of a person."""

    name: str
    state: dict[str, Any]

    async def get_auth_state(self) -> dict[str, Any]:
        """As JupyterHub's."""
        return self.state

    async def save_auth_state(self, state: dict[str, Any]) -> None:
        """As JupyterHub's."""
        self.state = state


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider that answers as it should, until told otherwise."""
    server = Provider()
    with serving(server):
        yield server


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """One kind is enough: what is looked at is not the store."""
    made = Database(f"sqlite:///{tmp_path / 'noteyard.sqlite'}")
    migrate(made, tmp_path)
    yield made
    made.close()


@pytest.fixture
def authenticator(provider: Provider, database: Database) -> Any:
    """Ours, with the provider's addresses."""
    made = provider_class(GenericOAuthenticator)(
        login=Login(method="oauth", client_id="noteyard", allow_all=True, provider="The team's login"),
        database_url=database.engine.url.render_as_string(hide_password=False),
        client_id="noteyard",
        client_secret="s3cret",
        token_url=f"{provider.url}/token",
        userdata_url=f"{provider.url}/userinfo",
        username_claim="preferred_username",
    )
    made._users = {}
    return made


def logged_in(authenticator: Any, database: Database, name: str = "ada") -> HubUser:
    """Somebody with a session, known to the hub."""
    with database.write() as session:
        take_over(session, Known(name, f"127.0.0.1 s-{name}", None, None))
        open_session(session, name, hours=1)
    user = HubUser(name, {"token_response": dict(FINE, refresh_token="r1"), "refresh_token": "r1"})
    authenticator._users[name] = user
    return user


def people(database: Database) -> set[str]:
    with database.read() as session:
        return set(people_logged_in(session))


def ask(authenticator: Any) -> None:
    asyncio.run(authenticator.ask_about_all())


def test_who_is_well_there_stays_and_has_the_newer_tokens(
    provider: Provider, authenticator: Any, database: Database
) -> None:
    user = logged_in(authenticator, database)
    ask(authenticator)
    assert people(database) == {"ada"}
    assert user.state["refresh_token"] == "r2"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(400, {"error": "invalid_grant"}),
        Answer(400, {"error": "interaction_required"}),
        Answer(400, "no"),
        Answer(200, {"error": "bad_refresh_token", "error_description": "The refresh token is incorrect or expired."}),
    ],
)
def test_a_session_that_is_over_there_is_over_here(
    provider: Provider, authenticator: Any, database: Database, answer: Answer
) -> None:
    logged_in(authenticator, database)
    provider.token = answer
    ask(authenticator)
    assert people(database) == set()


@pytest.mark.parametrize("answer", [Answer(401, ""), Answer(403, {"error": "insufficient_scope"}), Answer(404, "")])
def test_a_token_that_opens_nothing_any_more_ends_the_login(
    provider: Provider, authenticator: Any, database: Database, answer: Answer
) -> None:
    logged_in(authenticator, database)
    provider.claims = answer
    ask(authenticator)
    assert people(database) == set()


AWAY = [
    Answer(429, "slow down", {"Retry-After": "60"}),
    Answer(401, {"error": "invalid_client"}),
    Answer(400, {"error": "unauthorized_client"}),
    Answer(403, "too many", {"X-RateLimit-Remaining": "0"}),
    Answer(200, {"error": "incorrect_client_credentials", "error_description": "The client_secret is incorrect."}),
    Answer(200, {"refresh_token": "kept-from-logs"}),
    Answer(200, "not JSON"),
    Answer(503, ""),
]


@pytest.mark.parametrize("answer", AWAY)
def test_an_answer_that_says_nothing_of_the_person_ends_nothing(
    provider: Provider, authenticator: Any, database: Database, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("ada", "bob"):
        logged_in(authenticator, database, name)
    provider.token = answer
    ask(authenticator)
    assert people(database) == {"ada", "bob"}
    assert provider.asked == 1, "the provider is left alone until the next time"
    assert "they stay logged in" in caplog.text
    assert "kept-from-logs" not in caplog.text


def test_one_s_trouble_keeps_nobody_else_from_being_asked_about(
    provider: Provider, authenticator: Any, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    logged_in(authenticator, database, "ada").state = {"token_response": "what no version writes"}
    logged_in(authenticator, database, "bob")
    provider.token = Answer(400, {"error": "invalid_grant"})
    ask(authenticator)
    assert people(database) == {"ada"}
    assert "The provider could not be asked about ada: TypeError" in caplog.text
