"""A database server that goes away and comes back: parts wait for it, and lead again."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from jupyterhub import orm
from noteyard.controller.health import PATIENCE_SECONDS, Pulse, serve_health
from noteyard.controller.leader import lead
from noteyard.hub_config import configure_hub
from noteyard.instance import Instance
from noteyard.settings import Settings
from noteyard.store import Database
from noteyard.store import database as store_database
from noteyard.store.lease import acquire
from noteyard.store.migrate import POSTGRES_LOCK, migrate
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from traitlets.config import Config

from tests.support.app import api
from tests.support.black_hole import relay
from tests.support.postgres import postgres_server
from tests.support.waiting import until, until_async


async def test_a_controller_leads_again_when_its_database_is_back() -> None:
    epochs: list[int] = []
    ended: list[int] = []

    async def work(epoch: int) -> None:
        epochs.append(epoch)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(epoch)

    with postgres_server() as server:
        database = Database(server.url)
        migrate(database)
        stop = asyncio.Event()
        leading = asyncio.create_task(lead(database, work, stop, Pulse()))
        await until_async(_grown(epochs, 1), 30, "the first term")
        server.stop()
        await until_async(_grown(ended, 1), 60, "the end of the first term")
        server.start()
        await until_async(_grown(epochs, 2), 60, "the second term")
        assert not leading.done()
        stop.set()
        await leading
        database.close()
    assert ended == epochs


async def test_a_controller_is_alive_while_its_database_is_away_and_not_when_it_hangs(tmp_path: Path) -> None:
    clock = {"now": 0.0}
    pulse = Pulse(lambda: clock["now"])
    port = serve_health(pulse, "127.0.0.1", 0)
    stop = asyncio.Event()
    nowhere = Database(f"sqlite:///{tmp_path / 'missing' / 'noteyard.sqlite'}")

    async def never(_: int) -> None:
        raise AssertionError("it leads without a database")

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

        async def alive() -> bool:
            return (await client.get("/live")).status_code == 200

        trying = asyncio.create_task(lead(nowhere, never, stop, pulse))
        for clock["now"] in (PATIENCE_SECONDS, 2 * PATIENCE_SECONDS):
            await until_async(alive, 30, "a try for the lease at another time")
        stop.set()
        await trying
        clock["now"] = 3 * PATIENCE_SECONDS
        answer = await client.get("/live")
        assert (answer.status_code, answer.text) == (
            503,
            "The controller has not tried for its lease for 120 s: it hangs, and must be started again.\n",
        )
        assert "python_info" in (await client.get("/metrics")).text
    nowhere.close()


def test_the_migration_waits_for_a_database_that_is_not_there_yet() -> None:
    with postgres_server() as server:
        server.stop()
        code = f"from noteyard.store.answering import *; until_it_answers(lambda: connect_once({server.url!r}))"
        waiting = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        assert waiting.stderr is not None
        assert "The database does not answer" in waiting.stderr.readline()
        server.start()
        assert waiting.wait(60) == 0
        waiting.stderr.close()


def test_the_api_is_alive_though_not_fit_while_its_database_is_away(tmp_path: Path) -> None:
    with postgres_server() as server, api(tmp_path, database_url=server.url) as app:
        client = TestClient(app, raise_server_exceptions=False)
        assert [client.get(f"/internal/v1/{name}").status_code for name in ("health", "live")] == [200, 200]
        server.stop()
        assert [client.get(f"/internal/v1/{name}").status_code for name in ("health", "live")] == [500, 200]
        server.start()
        assert client.get("/internal/v1/health").status_code == 200


def parts_engine(url: str, _folder: Path) -> Engine:
    return Database(url).engine


def hubs_engine(url: str, folder: Path) -> Engine:
    """As JupyterHub makes it of its configuration."""
    settings = Settings(state=folder, hub_database_url=url)
    Instance.of(settings).make_secrets()
    c = Config()
    configure_hub(c, settings)
    engine: Engine = orm.new_session_factory(c.JupyterHub.db_url, **c.JupyterHub.db_kwargs)().get_bind()
    return engine


@pytest.mark.parametrize("made", [parts_engine, hubs_engine])
def test_a_server_that_is_gone_without_a_word_is_given_up_and_found_again(
    made: Callable[[str, Path], Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_database, "SILENT_SECONDS", 3)
    monkeypatch.setattr(store_database, "CONNECT_SECONDS", 2)
    with postgres_server() as server, relay(server.port) as between:
        engine = made(server.url.replace(f":{server.port}", f":{between.port}"), tmp_path)

        def ask() -> None:
            with engine.connect() as connection:
                connection.execute(text("SELECT 1"))

        ask()
        between.swallow()
        assert isinstance(_ends_with(ask), OperationalError)
        assert isinstance(_ends_with(ask), OperationalError)
        between.forward()
        assert _ends_with(ask) is None
        engine.dispose()


def test_what_the_url_says_of_a_limit_stays(postgres_url: str) -> None:
    given = store_database.connect_args(f"{postgres_url}?connect_timeout=60")
    assert "connect_timeout" not in given and given["tcp_user_timeout"] == 15_000
    assert store_database.connect_args("sqlite:///x") == {}


def test_a_lease_that_a_lost_node_holds_is_waited_for_no_longer_than_that(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction is ended by the server, and who waits meanwhile tries again."""
    monkeypatch.setattr(store_database, "BUSY_SECONDS", 1)
    lost, next_one = Database(postgres_url), Database(postgres_url)
    migrate(lost)

    def take() -> None:
        with next_one.write() as session:
            acquire(session, "held", "next", 10)

    with lost.engine.connect() as silent:
        silent.execute(text("INSERT INTO leases (name, holder, epoch, expires) VALUES ('held', 'lost', 1, now())"))
        silent.commit()
        silent.execute(text("SELECT * FROM leases FOR UPDATE"))
        ends = {type(_ends_with(take)), type(_ends_with(take))}
        assert type(None) in ends and ends <= {type(None), OperationalError}
        with pytest.raises(DBAPIError, match="idle-in-transaction timeout"):
            silent.execute(text("SELECT 1"))
    for database in (lost, next_one):
        database.close()


def test_a_migration_waits_for_another_as_long_as_that_takes(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_database, "BUSY_SECONDS", 1)
    other, mine = Database(postgres_url), Database(postgres_url)
    with other.engine.connect() as holder:
        holder.execute(text("SELECT pg_advisory_lock(:key)"), {"key": POSTGRES_LOCK})
        holder.commit()
        migrating = threading.Thread(target=migrate, args=(mine,), daemon=True)
        migrating.start()
        # The limit is over when this, which waits for the same and begins later, has come up against it.
        with other.engine.connect() as bounded, pytest.raises(OperationalError, match="lock timeout"):
            until(lambda: _waiting(holder), 30, "the migration's wait for the lock")
            bounded.execute(text("SELECT pg_advisory_lock(:key)"), {"key": POSTGRES_LOCK})
        assert migrating.is_alive()
        holder.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": POSTGRES_LOCK})
        holder.commit()
    migrating.join(60)
    assert not migrating.is_alive()
    for database in (other, mine):
        database.close()


def _waiting(connection: Connection) -> int:
    count = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    waiting: int = connection.execute(text(count)).scalar_one()
    connection.commit()
    return waiting


def _ends_with(work: Callable[[], None]) -> Exception | None:
    """What the work raised; AssertionError when it has not ended after a minute, of the quarter of an hour it took."""
    raised: list[Exception | None] = []

    def note() -> None:
        try:
            work()
            raised.append(None)
        except Exception as error:
            raised.append(error)

    working = threading.Thread(target=note, daemon=True)
    working.start()
    working.join(60)
    assert raised, "it goes on after a minute"
    return raised[0]


def _grown(numbers: list[int], count: int) -> Callable[[], Awaitable[bool]]:
    async def there() -> bool:
        return len(numbers) >= count

    return there
