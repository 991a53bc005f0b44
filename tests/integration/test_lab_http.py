"""How the hub asks labs, which may answer as they like."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, cast

import httpx
import pytest
from noteyard import lab_http
from noteyard.lab_http import MOST_BYTES, ask_lab, lab_answers

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@asynccontextmanager
async def lab(*answer: bytes, pause: float = 0) -> AsyncIterator[str]:
    """A lab's base URL; it answers with these pieces, and waits before each but the first."""
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(cast("asyncio.Task[None]", asyncio.current_task()))
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            for number, piece in enumerate(answer):
                await asyncio.sleep(pause if number else 0)
                writer.write(piece)
                await writer.drain()
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/user/ada/"
        await asyncio.gather(*serving)


async def test_all_labs_are_asked_by_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[httpx.AsyncClient] = []
    make = httpx.AsyncClient.__init__

    def counted(client: httpx.AsyncClient, **options: Any) -> None:
        made.append(client)
        make(client, **options)

    monkeypatch.setattr(httpx.AsyncClient, "__init__", counted)
    async with lab(HEAD + b"\r\n{}") as url:
        for _ in range(3):
            assert await lab_answers(url)
    assert len(made) == 1


@pytest.mark.parametrize(
    ("answer", "up"),
    [
        (HEAD + b"\r\n{}", True),
        (HEAD + b"Content-Encoding: gzip\r\n\r\nno gzip at all", True),
        (b"HTTP/1.1 503 Unavailable\r\n\r\n", False),
        (b"no HTTP at all\r\n\r\n", False),
        (b"", False),
    ],
)
async def test_whatever_a_lab_answers_it_is_up_or_not(answer: bytes, up: bool) -> None:
    async with lab(answer) as url:
        assert await lab_answers(url) is up


async def test_no_lab_is_up_where_nobody_listens() -> None:
    async with lab() as url:
        pass
    assert not await lab_answers(url)


async def test_no_more_is_read_than_may_be_wanted() -> None:
    async with lab(HEAD + b"\r\n", b"x" * 10 * MOST_BYTES) as url:
        assert await ask_lab(url) == (200, b"x" * MOST_BYTES)


async def test_an_answer_without_an_end_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_http, "SECONDS", 0.3)
    async with lab(HEAD + b"\r\n", *[b"x"] * 50, pause=0.1) as url:
        with pytest.raises(httpx.ReadTimeout, match=r"did not answer within 0\.3 seconds"):
            await ask_lab(url)
