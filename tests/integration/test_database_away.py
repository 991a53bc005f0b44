"""A database server that goes away and comes back: parts wait for it, and lead again."""

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable

from noteyard.controller.leader import lead
from noteyard.store import Database
from noteyard.store.migrate import migrate

from tests.support.postgres import postgres_server
from tests.support.waiting import until_async


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
        leading = asyncio.create_task(lead(database, work, stop))
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


def _grown(numbers: list[int], count: int) -> Callable[[], Awaitable[bool]]:
    async def there() -> bool:
        return len(numbers) >= count

    return there
