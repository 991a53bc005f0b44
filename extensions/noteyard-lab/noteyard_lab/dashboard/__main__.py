"""The command line of the launcher. Its token comes by standard input; see `launcher`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sys
from pathlib import Path


def main() -> int:
    """Run the launcher; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m noteyard_lab.dashboard", description="Serve one dashboard.")
    parser.add_argument("--workload", required=True, help="id of the workload process: <dashboard>.<version>.<start>")
    parser.add_argument("--access", type=Path, metavar="FILE", help="where its token is; by default standard input")
    options = parser.parse_args()
    wanted = options.workload
    _forget_own_folder()

    from noteyard_lab.hub_client import find_access
    from noteyard_lab.process import shield

    shield()
    access = find_access(options.access, "workload")
    if access.subject != wanted:
        raise ValueError(f"standard input is about the workload {access.subject}, the command line about {wanted}")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    # Each request would be a line: the edge has those of viewers, the hub side has ours.
    logging.getLogger("tornado.access").setLevel(logging.ERROR)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # Each websocket would be a warning: tornado takes jupyter_server's milliseconds between pings for seconds.
    logging.getLogger("tornado.general").setLevel(logging.ERROR)

    from noteyard_lab.dashboard.launcher import launch

    return asyncio.run(launch(access))


def _forget_own_folder() -> None:
    """Never import from the folder the release will be in: its files are people's code, this process has a token."""
    own = os.path.realpath(os.getcwd())  # noqa: PTH109
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or ".") != own]


if __name__ == "__main__":
    sys.exit(main())
