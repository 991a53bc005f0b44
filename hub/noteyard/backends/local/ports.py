"""Which TCP ports an installation uses: the public ones are checked, the internal ones chosen and kept."""

import errno
import json
import os
import random
import socket
from collections.abc import Sequence
from pathlib import Path

from noteyard.backends.local.records import read_record
from noteyard.errors import Conflict, NoteyardError
from noteyard.instance import PORTS, Instance
from noteyard.settings import Settings
from noteyard.whole_files import write_whole

FILE_NAME = "ports.json"
LOWEST = 15000
LOCAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def check_public_ports(settings: Settings) -> None:
    """Raise in one sentence when the edge could not listen on the configured address and its two ports."""
    for port, option in ((settings.port, "port"), (settings.port + 1, "port (S3 takes the next one)")):
        try:
            _bind(settings.bind, port).close()
        except OSError as error:
            raise _explained(error, settings.bind, port, option) from None


def choose_ports(instance: Instance, names: Sequence[str] = PORTS) -> dict[str, int]:
    """An internal port for each name: those of the last start where they are still free, else fresh ones.

    Keeping them lets labs and workers that outlived a crash find the parts again. They lie below the range from which
    the system gives ports to outgoing connections: one of those could otherwise sit on a part's port when it restarts.
    """
    before = last_ports(instance) or {}
    held: list[socket.socket] = []
    try:
        chosen = {name: _hold(held, before.get(name)) for name in names}
    finally:
        for listener in held:
            listener.close()
    write_whole(instance.run / FILE_NAME, json.dumps(chosen))
    return chosen


def last_ports(instance: Instance) -> dict[str, int] | None:
    """The internal ports of the last start; None when there was none, or they are not known any more."""
    return read_record(instance.run / FILE_NAME, json.loads)


def _hold(held: list[socket.socket], wanted: int | None) -> int:
    highest = int(LOCAL_RANGE.read_text().split()[0]) if LOCAL_RANGE.exists() else 32768
    candidates = random.sample(range(LOWEST, max(highest, LOWEST + 5000)), 200)
    for port in [*([wanted] if wanted else []), *candidates]:
        try:
            held.append(_bind("127.0.0.1", port))
        except OSError:
            continue
        return port
    raise Conflict(
        f"No free port was found between {LOWEST} and {highest} on 127.0.0.1.",
        "Stop programs that listen there, or look with: ss -ltnp",
    )


def _bind(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Servers set it too: without it, connections that ended a moment ago would look like a busy port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(1)
    except OSError:
        listener.close()
        raise
    return listener


def _explained(error: OSError, address: str, port: int, option: str) -> NoteyardError:
    if error.errno == errno.EADDRINUSE:
        return Conflict(
            f"Port {port} on {address} is in use by another program.",
            f"Choose another with --port, or set `{option}` in noteyard.yaml; ss -ltnp names the program.",
        )
    if error.errno == errno.EACCES:
        return NoteyardError(
            f"Port {port} may not be opened by this account.",
            "Choose a port from 1024 on with --port, or allow it: sudo sysctl net.ipv4.ip_unprivileged_port_start=80",
        )
    return NoteyardError(
        f"The address {address!r} can't be listened on: {os.strerror(error.errno or 0)}.",
        "Set `bind` in noteyard.yaml to an address of this machine, or 0.0.0.0 for all.",
    )
