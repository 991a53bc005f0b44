"""Keeps one folder served: a mount from the driver, an rclone that serves it, and another when that one fails."""

import asyncio
import logging
import os
from pathlib import Path

from noteyard.s3_mount.sidecar import rclone
from noteyard.s3_mount.sidecar.handover import NoMount, fresh_mount
from noteyard.s3_mount.sidecar.options import Folder, Options
from noteyard.s3_mount.sidecar.remote_control import RemoteControl, Unanswered

log = logging.getLogger(__name__)
LOOK_SECONDS = 5
NOOP_SECONDS = 15
MOST_UNANSWERED = 2
UP_SECONDS = 30
FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 5


class FolderServer:
    """`problem` says why the folder can't be used now; None while it is served."""

    def __init__(self, options: Options, folder: Folder) -> None:
        self.folder = folder
        self.control = RemoteControl(rclone.control_socket(options, folder))
        self.problem: str | None = "It is not mounted yet."
        self.served = asyncio.Event()
        """Set once it has been served for the first time."""
        self._options = options

    @property
    def was_started(self) -> bool:
        """Whether any rclone has served it in this pod, and so may have left something in the cache."""
        return (self._options.cache / self.folder.name / "vfs").exists()

    async def run(self) -> None:
        """Serve until cancelled; ends what it has started."""
        wait = FIRST_WAIT_SECONDS
        while True:
            try:
                await self._serve_once()
                wait = FIRST_WAIT_SECONDS
            except NoMount as error:
                self._trouble(str(error))
            except _NeverUp as error:
                self._trouble(f"rclone does not come up: {error}")
            await asyncio.sleep(wait)
            wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    async def _serve_once(self) -> None:
        process = await self._start(await asyncio.to_thread(fresh_mount, self._options.volume, self.folder.name))
        try:
            await self._until_up(process)
            log.info("%s is served", self.folder.name)
            self.problem = None
            self.served.set()
            self._trouble(await self._until_bad(process))
        finally:
            await _end(process)

    async def _start(self, descriptor: int) -> asyncio.subprocess.Process:
        socket_path = rclone.control_socket(self._options, self.folder)
        socket_path.unlink(missing_ok=True)
        try:
            return await asyncio.create_subprocess_exec(
                *rclone.arguments(self._options, self.folder, descriptor),
                env=rclone.environment(self._options),
                pass_fds=[descriptor],
                stdin=asyncio.subprocess.DEVNULL,
            )
        finally:
            # A copy here would keep readers waiting for ever once rclone is dead.
            os.close(descriptor)

    async def _until_up(self, process: asyncio.subprocess.Process) -> None:
        """Raises _NeverUp."""
        ended = asyncio.ensure_future(process.wait())
        # The kernel asks rclone alone for this, not S3. It waits until rclone answers or is dead.
        looked = asyncio.ensure_future(asyncio.to_thread(os.statvfs, self._options.volume / self.folder.name))
        await asyncio.wait([ended, looked], timeout=UP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if process.returncode is not None:
            _seen(looked)
            raise _NeverUp(f"it left with exit code {process.returncode}")
        ended.cancel()
        if not looked.done():
            _seen(looked)
            raise _NeverUp(f"it serves nothing after {UP_SECONDS} seconds")
        if looked.exception() is not None:
            raise _NeverUp(str(looked.exception()))

    async def _until_bad(self, process: asyncio.subprocess.Process) -> str:
        """What has become of it."""
        unanswered = 0
        while unanswered < MOST_UNANSWERED:
            try:
                code = await asyncio.wait_for(process.wait(), LOOK_SECONDS)
                return f"rclone has ended ({code})"
            except TimeoutError:
                unanswered = 0 if await self._answers() else unanswered + 1
                self.problem = "rclone does not answer" if unanswered else None
        return "rclone hangs"

    async def _answers(self) -> bool:
        try:
            await self.control.call("rc/noop", {}, NOOP_SECONDS)
        except Unanswered as error:
            log.warning("%s: %s", self.folder.name, error)
            return False
        return True

    def _trouble(self, said: str) -> None:
        if said != self.problem:
            log.warning("%s: %s", self.folder.name, said)
        self.problem = said


class _NeverUp(Exception):
    """Why it did not come up."""


def _seen(looked: asyncio.Future[os.statvfs_result]) -> None:
    # Its thread ends with rclone; what it finds then interests nobody.
    looked.add_done_callback(lambda done: None if done.cancelled() else done.exception())


async def _end(process: asyncio.subprocess.Process) -> None:
    """Uploads that it had under way go on with the next one, from the cache."""
    if process.returncode is None:
        process.kill()
    await asyncio.shield(process.wait())


def prepare(options: Options) -> None:
    """Make the folders that rclone needs, for this account alone."""
    for path in (options.control, *(options.cache / folder.name for folder in options.folders)):
        Path(path).mkdir(parents=True, exist_ok=True, mode=0o700)
