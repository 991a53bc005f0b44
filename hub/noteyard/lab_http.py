"""How the hub asks labs: one client for all of them.

A client reads the certificates of TLS when it is made, 20 ms and 250 kB that no lab needs. After a restart the hub asks
every lab that runs at the same time; of thousands, MOST_AT_ONCE are asked, and the others wait. Labs are people's code:
no more of an answer is read than may be wanted, and none takes for ever.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import httpx

SECONDS = 2.0
MOST_AT_ONCE = 100
MOST_BYTES = 16_384


def _client() -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    # Compressed, a small answer could be one of gigabytes.
    return httpx.AsyncClient(timeout=SECONDS, limits=limits, trust_env=False, headers={"Accept-Encoding": "identity"})


@dataclass
class _Asking:
    """What a loop's questions share; nobody closes it."""

    client: httpx.AsyncClient = field(default_factory=_client)
    turns: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_ONCE))


_askings: WeakKeyDictionary[asyncio.AbstractEventLoop, _Asking] = WeakKeyDictionary()


async def ask_lab(url: str, headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
    """Status and body of a lab's answer to a GET, the body as it was sent and cut at MOST_BYTES.

    Raises httpx.HTTPError when there is none within SECONDS of its turn.
    """
    loop = asyncio.get_running_loop()
    asking = _askings.get(loop)
    if asking is None:
        asking = _askings[loop] = _Asking()
    async with asking.turns:
        try:
            async with asyncio.timeout(SECONDS), asking.client.stream("GET", url, headers=headers) as answer:
                body = b""
                async for chunk in answer.aiter_raw():
                    body += chunk
                    if len(body) >= MOST_BYTES:
                        break
                return answer.status_code, body[:MOST_BYTES]
        except TimeoutError:
            raise httpx.ReadTimeout(f"{url} did not answer within {SECONDS:g} seconds") from None


async def lab_answers(url: str) -> bool:
    """Whether the lab at `url` (its base URL) is up."""
    try:
        status, _ = await ask_lab(f"{url}api")
    except httpx.HTTPError:
        return False
    return status == 200
