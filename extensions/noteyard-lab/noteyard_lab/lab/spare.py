"""A lab's process that is ready before anybody asks for a lab: `python -I -m noteyard_lab.lab --spare`.

Importing the server is the longest part of a lab's start. A spare has imported what does not depend on the person, and
waits for a line on its standard input: a JSON object with `variables` (all of the environment), `arguments` (of the
server) and `log` (a file to append to). Without one, because the hub has ended, it ends too.
"""

import ctypes
import importlib
import json
import os
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

OPTION = "--spare"
MARK = "NOTEYARD_LAB"
"""Names the person whose lab a process belongs to. A spare is started with one that is as long as it can get."""
AHEAD = (
    "jupyterhub.singleuser",
    "jupyter_server.serverapp",
    "jupyter_server.services.contents.largefilemanager",
    "jupyter_server.services.kernels.handlers",
    "jupyter_server_terminals.app",
    "jupyterlab.commands",
    "jupyterlab.extensions",
    "jupyterlab.handlers.announcements",
    "jupyterlab.handlers.build_handler",
    "jupyterlab.handlers.error_handler",
    "jupyterlab_server.app",
    "jupyterlab_server.translation_utils",
    "jupyter_lsp.serverextension",
    "bleach",
    "bs4",
    "mistune",
    "nbclient.client",
    "pygments.formatters.html",
    "pygments.lexers.python",
)
"""What a lab's server loads, but modules that note the person's home when they are imported (jupyterlab.labapp)."""


def become_a_lab() -> bool:
    """Wait until this process is to be somebody's lab, and be it from now on; False when there is no need of it."""
    asked: list[Mapping[str, Any]] = []
    listening = threading.Thread(target=_listen, args=(asked,))
    listening.start()
    for name in AHEAD:
        # A profile may do without; what is broken the server says when it imports it itself.
        with suppress(Exception):
            importlib.import_module(name)
    listening.join()
    if not asked:
        return False
    _become(asked[0])
    return True


def _listen(asked: list[Mapping[str, Any]]) -> None:
    """Show whose lab this is as soon as it is said, also while modules are imported: others look for the mark."""
    line = sys.stdin.buffer.readline()
    if line.endswith(b"\n"):
        lab = json.loads(line)
        _show(lab["variables"][MARK])
        asked.append(lab)


def _become(lab: Mapping[str, Any]) -> None:
    os.environ.clear()
    os.environ.update(lab["variables"])
    time.tzset()
    for number, path, flags in ((0, os.devnull, os.O_RDONLY), (1, lab["log"], os.O_WRONLY | os.O_APPEND)):
        descriptor = os.open(path, flags)
        os.dup2(descriptor, number)
        os.close(descriptor)
    os.dup2(1, 2)
    os.chdir(lab["variables"]["HOME"])
    sys.argv[1:] = lab["arguments"]
    if trash := sys.modules.get("send2trash.plat_other"):
        importlib.reload(trash)  # it noted where the trash is


def _show(person: str) -> None:
    """Write the mark where others read it: the kernel shows the memory that a process's environment was given in."""
    get = ctypes.CDLL(None).getenv
    get.restype = ctypes.c_void_p
    get.argtypes = [ctypes.c_char_p]
    room = len(os.environ[MARK])
    ctypes.memmove(get(MARK.encode()), person.encode().ljust(room, b"\0"), room)
