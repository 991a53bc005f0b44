"""The sidecar of a pod: python -m noteyard.s3_mount.sidecar, with the options that CredentialsOptions and Options
describe. Credentials first: rclone needs them too. Where no folders are named, it serves credentials alone.
"""

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress

from noteyard.s3_mount.sidecar import status
from noteyard.s3_mount.sidecar.credentials_options import credentials_options
from noteyard.s3_mount.sidecar.credentials_server import serve_credentials
from noteyard.s3_mount.sidecar.draining import drain
from noteyard.s3_mount.sidecar.folder_server import FolderServer, prepare
from noteyard.s3_mount.sidecar.options import VARIABLE, Options, options_from
from noteyard.s3_mount.sidecar.reachability import why_away

log = logging.getLogger("noteyard.s3_mount.sidecar")
CREDENTIALS_SECONDS = 10
"""People's code starts after this even without credentials: a pod's way to the API may be opened a little late."""
START_SECONDS = 20
"""A run starts after this even without its folders: they appear in it later."""
TURN_SECONDS = 1.0
WELL_SECONDS = 30
AWAY_SECONDS = 5


async def main() -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(asctime)s %(levelname)s %(message)s")
    os.umask(0o077)
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    credentials = credentials_options()
    if credentials is not None:
        keeper = serve_credentials(credentials).keeper
        if not await asyncio.to_thread(keeper.settle, CREDENTIALS_SECONDS):
            log.warning("no answer about credentials yet; the pod starts all the same")
    if credentials is None or VARIABLE in os.environ:
        return await _serve_folders(options_from(), ending)
    (credentials.shared / status.READY).touch()
    await ending.wait()
    return 0


async def _serve_folders(options: Options, ending: asyncio.Event) -> int:
    prepare(options)
    servers = [FolderServer(options, folder) for folder in options.folders]
    tasks = [asyncio.create_task(server.run()) for server in servers]
    told = asyncio.create_task(_tell(options, servers))
    started = asyncio.create_task(_let_start(options, servers))
    ended = asyncio.create_task(ending.wait())
    await asyncio.wait([*tasks, told, ended], return_when=asyncio.FIRST_COMPLETED)
    drained = await asyncio.gather(*(drain(server, options.drain_seconds) for server in servers))
    for task in (*tasks, told, started):
        task.cancel()
    results = await asyncio.gather(*tasks, told, started, return_exceptions=True)
    for failure in (one for one in results if isinstance(one, Exception)):
        log.error("ended by a fault of its own", exc_info=failure)
    return 0 if ending.is_set() and all(drained) else 1


async def _let_start(options: Options, servers: list[FolderServer]) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*(one.served.wait() for one in servers)), START_SECONDS)
    (options.status / status.READY).touch()


async def _tell(options: Options, servers: list[FolderServer]) -> None:
    """Keep the status file true."""
    loop = asyncio.get_running_loop()
    away, asked = None, 0.0
    while True:
        if servers[0].problem is None and loop.time() - asked >= (AWAY_SECONDS if away else WELL_SECONDS):
            away, asked = await why_away(servers[0]), loop.time()
        status.write(options.status, status.Status({one.folder.name: one.problem for one in servers}, away))
        await asyncio.sleep(TURN_SECONDS)


sys.exit(asyncio.run(main()))
