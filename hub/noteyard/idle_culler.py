"""Runs jupyterhub-idle-culler as the hub's service, and ends with the hub.

A hub that is killed leaves its services behind; each start of the hub starts another.
"""

import ctypes
import os
import signal
import socket
import time
from urllib.parse import urlsplit

from jupyterhub_idle_culler import main

PR_SET_PDEATHSIG = 1


def tie_to_parent() -> None:
    """Ask the kernel to end this process when its parent ends. Raises SystemExit when it has ended already."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent or parent == 1:
        raise SystemExit("The hub has ended.")


def wait_for_hub(url: str) -> None:
    """Return when the hub listens at this URL: it starts its services before that, and their first look would fail."""
    hub = urlsplit(url)
    while True:
        try:
            socket.create_connection((hub.hostname, hub.port or 80), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return


if __name__ == "__main__":
    tie_to_parent()
    wait_for_hub(os.environ["JUPYTERHUB_API_URL"])
    main()
