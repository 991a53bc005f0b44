"""Stands in for a worker or launcher: does what its token says, and keeps a journal that tests read.

The journal is `<state>/journal/<id>`: one line an event, `event pid`.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

ID = sys.argv[-1]
JOURNAL = Path(os.environ["NOTEYARD_INSTANCE"]) / "journal" / ID


def note(event: str, pid: int | None = None) -> None:
    with JOURNAL.open("a") as file:
        file.write(f"{event} {pid or os.getpid()}\n")


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
    os.kill(os.getpid(), signal.SIGSEGV)


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


CONTENT = sys.stdin.read()
note("started")
globals()[json.loads(CONTENT)["token"]]()
