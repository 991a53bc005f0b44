"""Whether S3 answers: one signed question for an object that need not be there."""

from noteyard.s3_mount.sidecar.folder_server import FolderServer
from noteyard.s3_mount.sidecar.rclone import REMOTE
from noteyard.s3_mount.sidecar.remote_control import Unanswered

QUESTION = ".noteyard-reachable"
SECONDS = 20


async def why_away(server: FolderServer) -> str | None:
    """What is wrong with S3 or with the credentials; None when it answered."""
    folder = server.folder
    question = {
        "fs": f"{REMOTE}:{folder.location}",
        "remote": QUESTION,
        "opt": {"filesOnly": True},
        "_config": {"LowLevelRetries": 1},
    }
    try:
        await server.control.call("operations/stat", question, SECONDS)
    except Unanswered as error:
        return str(error)
    return None
