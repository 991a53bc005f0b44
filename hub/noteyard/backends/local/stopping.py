"""Ends an installation in an order that loses nothing.

First the parts that start things (restarter, controller, hub), then people's processes: workers save and report to the
API, which is still there. The other parts and the supervisor are last. What does not end in time is killed.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Event
from xmlrpc.client import Fault

from noteyard.backends.local.instance_processes import find, roots
from noteyard.backends.local.processes import ProcessId, kill_all, processes, send
from noteyard.backends.local.supervisor import kill_leftovers
from noteyard.backends.local.supervisor_client import GONE, SupervisorClient
from noteyard.backends.local.supervisord_config import RESTARTER
from noteyard.errors import NoteyardError
from noteyard.instance import Instance

STARTERS = (RESTARTER, "controller", "hub")
SAVING_SECONDS = 25.0
"""Workers give up saving after 20 s by themselves."""
PARTS_SECONDS = 15.0
KILLING_SECONDS = 20.0
STEP = 0.1


def stop_everything(instance: Instance, say: Callable[[str], None], hurry: Event) -> bool:
    """Stop parts, labs, runs and dashboards with all their descendants; False when nothing was running.

    `hurry` set: no more waiting for anything to save.
    """
    client = SupervisorClient(instance)
    supervisor = client.pid()
    if supervisor is not None:
        _stop_parts(client, STARTERS, hurry)
    else:
        kill_leftovers(instance)
    people = _end_people(instance, [supervisor] if supervisor else [], say, hurry)
    if supervisor is not None:
        _end_supervisor(client, supervisor, hurry)
    _kill_all(instance)
    return supervisor is not None or people


def _stop_parts(client: SupervisorClient, names: Iterable[str], hurry: Event) -> None:
    with suppress(*GONE, Fault):
        for name in names:
            client.stop_part(name)
        _until(lambda: not any(s.pid and s.name in names for s in client.states()), PARTS_SECONDS, hurry)


def _end_people(instance: Instance, spare: list[int], say: Callable[[str], None], hurry: Event) -> bool:
    found = find(instance.state, spare)
    if not found:
        return False
    say(f"Stopping labs, runs and dashboards ({len(roots(found))} of them) …")
    asked: set[ProcessId] = set()

    def ended() -> bool:
        # Children that outlive their parent become roots, and are asked then.
        found = find(instance.state, spare)
        for id in {process.id for process in roots(found)} - asked:
            send(id, signal.SIGTERM)
            asked.add(id)
        return not found

    _until(ended, SAVING_SECONDS, hurry, step=0.3)
    _kill_all(instance, spare)
    return True


def _end_supervisor(client: SupervisorClient, supervisor: int, hurry: Event) -> None:
    with suppress(*GONE, Fault):
        _stop_parts(client, [state.name for state in client.states()], hurry)
        client.shutdown()
    if not _until(lambda: _ended(supervisor), PARTS_SECONDS, hurry):
        with suppress(ProcessLookupError):
            os.kill(supervisor, signal.SIGKILL)  # and the kernel its parts
        _until(lambda: _ended(supervisor), PARTS_SECONDS, Event())


def _kill_all(instance: Instance, spare: Iterable[int] = ()) -> None:
    if not kill_all(lambda: find(instance.state, spare), KILLING_SECONDS):
        pids = ", ".join(str(process.id.pid) for process in find(instance.state, spare))
        raise NoteyardError(f"These processes can't be ended, not even by SIGKILL: {pids}.", "Restart the machine.")


def _ended(pid: int) -> bool:
    with suppress(ChildProcessError):  # not our child: somebody else's to reap
        os.waitpid(pid, os.WNOHANG)
    return pid not in processes()


def _until(condition: Callable[[], bool], seconds: float, hurry: Event, step: float = STEP) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline or hurry.is_set():
            return False
        hurry.wait(step)
    return True
