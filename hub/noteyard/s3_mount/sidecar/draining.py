"""Before the pod ends: what was written is uploaded. rclone itself would drop what it has not sent yet."""

import asyncio
import logging

from noteyard.s3_mount.sidecar.folder_server import FolderServer
from noteyard.s3_mount.sidecar.remote_control import RemoteControl, Unanswered

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.25
ANSWER_SECONDS = 10
QUIET_LOOKS = 3
"""Files of a process that has just ended are closed a little later: this often in a row nothing must be left."""
AT_ONCE = -1e9


async def drain(server: FolderServer, seconds: float) -> bool:
    """Whether all of the folder is in S3 now; False when it was not within `seconds`."""
    if server.folder.read_only or not server.was_started:
        return True
    try:
        async with asyncio.timeout(seconds):
            await _until_quiet(server)
    except TimeoutError:
        log.error("%s: not all that was written could be uploaded within %g seconds", server.folder.name, seconds)
        return False
    log.info("%s: all that was written is uploaded", server.folder.name)
    return True


async def _until_quiet(server: FolderServer) -> None:
    quiet = 0
    while quiet < QUIET_LOOKS:
        try:
            left = await _left(server.control)
        except Unanswered as error:
            log.warning("%s: %s", server.folder.name, error)
            left = 1  # it is being replaced; the next one takes over what is left
        quiet = 0 if left else quiet + 1
        await asyncio.sleep(LOOK_SECONDS)


async def _left(control: RemoteControl) -> int:
    """Uploads that are under way or wait; those that wait for more to be written are begun."""
    stats = await control.call("vfs/stats", {}, ANSWER_SECONDS)
    cache = stats["diskCache"]
    if cache["uploadsQueued"]:
        queue = await control.call("vfs/queue", {}, ANSWER_SECONDS)
        for item in queue["queue"]:
            if not item["uploading"]:
                await control.call("vfs/queue-set-expiry", {"id": item["id"], "expiry": AT_ONCE}, ANSWER_SECONDS)
    return int(cache["uploadsInProgress"]) + int(cache["uploadsQueued"])
