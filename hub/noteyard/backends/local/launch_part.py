"""Becomes a part: `python launch_part.py SPECIFICATION`, run by supervisord for every (re)start.

The specification is a JSON file: argv, environment (over the inherited one). Before it becomes argv, the process asks
the kernel to be killed when supervisord dies, so that no part outlives it and sits on its port, and writes who it is,
and how many starts that makes, into the file beside the specification (`hub.json` -> `hub.process`).
Imports the standard library and what writes files: this is on the way of every restart.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

from noteyard.whole_files import write_whole

PR_SET_PDEATHSIG = 1


def main() -> None:
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit("supervisord ended meanwhile")
    path = Path(sys.argv[1])
    specification = json.loads(path.read_text())
    record(path.with_suffix(".process"))
    os.execvpe(specification["argv"][0], specification["argv"], {**os.environ, **specification["environment"]})


def record(path: Path) -> None:
    starts = json.loads(path.read_text())["starts"] if path.exists() else 0
    write_whole(path, json.dumps({"pid": os.getpid(), "ticks": start_ticks(os.getpid()), "starts": starts + 1}))


def start_ticks(pid: int) -> int:
    """When a process started, in clock ticks since boot: with its pid, its identity."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])


if __name__ == "__main__":
    main()
