"""Leads a port of loopback to an address of the cluster: `*.localhost` is then the installation's in every browser."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def forwarding(port: int, host: str, target_port: int) -> Iterator[None]:
    """127.0.0.1:port is host:target_port while the block lasts."""
    started, over = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(host, target_port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        async with await asyncio.start_server(connect, "127.0.0.1", port):
            started.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert started.wait(10), f"port {port} of loopback is taken"
    try:
        yield
    finally:
        loops[0].call_soon_threadsafe(over.set)
        thread.join(10)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()
