"""Stands in for a worker or launcher: does what its token says, and keeps a journal that tests read.

The journal is `<state>/journal/<id>`: one line an event, `event pid`. In a pod, JOURNAL is the address of one.
"""

import ctypes
import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

ID = sys.argv[2] if "--access" in sys.argv else sys.argv[-1]
JOURNAL = Path(os.environ.get("NOTEYARD_INSTANCE", "/")) / "journal" / ID

ME = uuid.uuid4().hex


def note(event: str, pid: int | None = None) -> None:
    if "JOURNAL" in os.environ:
        post(f"{os.environ['JOURNAL']}/{ID}/{event}/{ME}")
    else:
        with JOURNAL.open("a") as file:
            file.write(f"{event} {pid or os.getpid()}\n")


def post(address: str) -> None:
    while True:
        try:
            return urllib.request.urlopen(address, timeout=30).close()
        except urllib.error.HTTPError:
            sys.exit(3)  # as a worker does that is not wanted
        except OSError:
            time.sleep(0.2)


def wait_for_ever() -> None:
    while True:
        time.sleep(3600)


def sleep() -> None:
    def end(*_: object) -> None:
        note("term")
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, end)
    note("ready")
    wait_for_ever()


def stubborn() -> None:
    signal.signal(signal.SIGTERM, lambda *_: note("term"))
    note("ready")
    wait_for_ever()


def quick() -> None:
    note("ready")


def fail() -> None:
    note("ready")
    print("Traceback (most recent call last):\n  ...\nRuntimeError: the disk is full", file=sys.stderr)
    raise SystemExit(7)


def crash() -> None:
    note("ready")
    ctypes.string_at(0)


def noisy() -> None:
    line = "x" * 99 + "\n"
    for _ in range(30):
        sys.stdout.write(line * 3000)
        sys.stdout.flush()
    print("the last line", flush=True)
    sleep()


def hungry() -> None:
    try:
        block = bytearray(2 * 1024**3)
        note(f"allocated-{len(block)}")
    except MemoryError:
        note("memory-error")
    sleep()


def forks() -> None:
    """Children that detach in every way: own session, orphaned, and one of them without any environment."""
    child = [sys.executable, "-c", "import time; time.sleep(3600)"]
    for event, environment in (("marked", dict(os.environ)), ("unmarked", {})):
        reading, writing = os.pipe()
        first = os.fork()
        if first == 0:
            os.setsid()
            second = os.fork()
            if second == 0:
                os.execve(child[0], child, environment)
            os.write(writing, str(second).encode())
            os._exit(0)
        os.waitpid(first, 0)
        note(event, int(os.read(reading, 20)))
        os.close(reading)
        os.close(writing)
    sleep()


def shows() -> None:
    """Writes what the process was given, to be looked at."""
    given = {
        "argv": sys.argv,
        "environment": dict(os.environ),
        "cwd": str(Path.cwd()),
        "files": [path.name for path in Path().iterdir()],
        "stdin": CONTENT,
    }
    (JOURNAL.parent / f"{ID}.json").write_text(json.dumps(given))
    sleep()


CONTENT = Path(sys.argv[4]).read_text() if "--access" in sys.argv else sys.stdin.read()
note("started")
globals()[json.loads(CONTENT)["token"]]()
