"""Keeps a lab from being culled while it works: a cell that prints nothing looks idle to JupyterHub otherwise.

Active are kernels that execute, and terminals in which a command runs (or was typed or printed, as Jupyter sees it).
"""

import os
from datetime import UTC, datetime
from typing import Any

from jupyter_server.serverapp import ServerApp
from tornado.ioloop import PeriodicCallback

SECONDS = 15
KEY = "noteyard"


def watch(server: ServerApp) -> PeriodicCallback:
    """Note activity in the server's settings from now on, where JupyterHub's reports take it from."""

    def look() -> None:
        if busy_kernels(server) or busy_terminals(server):
            server.web_app.settings["last_activity_times"][KEY] = datetime.now(UTC)

    callback = PeriodicCallback(look, SECONDS * 1000)
    callback.start()
    return callback


def busy_kernels(server: ServerApp) -> bool:
    """Whether any kernel executes."""
    manager = server.kernel_manager
    kernels = (manager.get_kernel(id) for id in manager.list_kernel_ids())
    return any(getattr(kernel, "execution_state", None) == "busy" for kernel in kernels)


def busy_terminals(server: ServerApp) -> bool:
    """Whether a command runs in the foreground of any terminal."""
    manager: Any = server.web_app.settings.get("terminal_manager")
    terminals = getattr(manager, "terminals", {}).values()
    return any(_has_foreground_command(terminal.ptyproc) for terminal in terminals)


def _has_foreground_command(process: Any) -> bool:
    # At its prompt, the shell itself is the terminal's foreground process group.
    try:
        return bool(process.isalive() and os.tcgetpgrp(process.fd) != process.pid)
    except OSError:  # it ended meanwhile
        return False
