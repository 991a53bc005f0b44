"""Minds one worker or dashboard launcher: `minder.py FOLDER WORK MEMORY -- COMMAND…`, started by tasks.py.

It stands between the controller and the process, so that what is known of an end does not depend on the controller
being there: it writes who the process is to FOLDER/process, waits for it, writes how it ended to FOLDER/end.json, then
ends everything the process left behind. As a child subreaper it is the ancestor of all of it, however detached. It also
keeps FOLDER/output.log small, passes SIGTERM on, and holds FOLDER's lock, which it inherits as descriptor 3, for as
long as it lives. WORK is the folder that the process works in.

MEMORY is what each process may allocate, in bytes; 0: no limit. Imports few modules, those of the standard library and
what writes files: this is on the way of every start.
"""

import ctypes
import json
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3]))  # started without site packages, it would not find ours

from noteyard.whole_files import write_whole

PR_SET_CHILD_SUBREAPER = 36
OUTPUT_LIMIT = 256 * 1024
LOOK_SECONDS = 2.0
NICENESS = 5
OOM_SCORE = "500"  # when memory runs out, people's code goes before parts of Noteyard
WATCHED = {signal.SIGCHLD, signal.SIGTERM}


def main() -> None:
    folder, work, memory, command = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[5:]
    os.umask(0o077)
    os.chdir(work)
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    output = folder / "output.log"
    killed_before = oom_kills()
    pid = start(command, memory, folder)
    os.close(0)
    status = mind(pid, output)
    killed = oom_kills()
    try:
        record(folder, status, None if killed is None or killed_before is None else killed > killed_before)
    finally:
        end_orphans()


def start(command: list[str], memory: int, folder: Path) -> int:
    """Fork the process; stdin, which holds its token, stays as it is."""
    descriptor = os.open(folder / "output.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    pid = os.fork()
    if pid:
        os.close(descriptor)
        return pid
    try:
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        os.closerange(3, 1024)  # the lock is the minder's alone
        limit(memory)
        # Before it becomes the command: from the first moment on, it is known without its minder, too.
        write_whole(folder / "process", f"{os.getpid()} {start_ticks()}")
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
        os.execv(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]} can't be started: {error}\n".encode())
    os._exit(127)


def limit(memory: int) -> None:
    """What the system can enforce for a process without rights of its own."""
    os.nice(NICENESS)
    with suppress(OSError):  # some containers mount /proc read-only; the run goes on without
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory:
        resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))


def mind(pid: int, output: Path) -> int:
    """Wait for the process; returns its wait status."""
    while True:
        received = signal.sigtimedwait(WATCHED, LOOK_SECONDS)
        if received is not None and received.si_signo == signal.SIGTERM:
            os.kill(pid, signal.SIGTERM)
        while True:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == pid:
                return status
            if child == 0:
                break
        shorten(output)


def shorten(output: Path) -> None:
    """Keep the end of a file that has grown over its limit. What is written in the moment of truncating is lost."""
    if not output.exists() or output.stat().st_size <= OUTPUT_LIMIT:
        return
    with output.open("r+b") as file:
        file.seek(-OUTPUT_LIMIT // 2, os.SEEK_END)
        tail = b""
        while more := file.read(OUTPUT_LIMIT):
            tail = (tail + more)[-OUTPUT_LIMIT // 2 :]
        file.truncate(0)
    with output.open("ab") as file:
        file.write(tail)


def record(folder: Path, status: int, memory_ran_out: bool | None) -> None:
    """Write down how the process ended."""
    code = os.waitstatus_to_exitcode(status)
    end = {"code": code if code >= 0 else None, "signal": -code if code < 0 else None, "memory_ran_out": memory_ran_out}
    write_whole(folder / "end.json", json.dumps(end))


def start_ticks() -> int:
    """When this process started, in clock ticks since boot: with its pid, its identity."""
    return int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])


def end_orphans() -> None:
    """Kill what is left below this process, until there is nothing: orphans of orphans become children in turn."""
    while True:
        for pid in children():
            os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def children() -> list[int]:
    """Children of this process; none of them can vanish before it is waited for."""
    me = os.getpid()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # somebody else's process that ended meanwhile
            if parent == me:
                found.append(int(entry.name))
    return found


def oom_kills() -> int | None:
    """How many processes the kernel has killed for lack of memory; None where it does not say."""
    for line in Path("/proc/vmstat").read_text().splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return None


if __name__ == "__main__":
    main()
