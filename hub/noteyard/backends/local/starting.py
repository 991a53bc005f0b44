"""Brings an installation up: secrets, ports, migrations, configuration, supervisor, and waits until all is healthy."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event

from noteyard.backends.local import started
from noteyard.backends.local.part_health import is_healthy
from noteyard.backends.local.ports import check_public_ports, choose_ports, last_ports
from noteyard.backends.local.stopping import stop_everything
from noteyard.backends.local.supervisor import forget_starts, kill_leftovers, start_supervisor
from noteyard.backends.local.supervisor_client import GONE, SupervisorClient
from noteyard.backends.local.supervisord_config import Part
from noteyard.errors import Conflict, Unavailable
from noteyard.instance import Instance
from noteyard.settings import Settings
from noteyard.store import Database
from noteyard.store.database_errors import telling_of_database
from noteyard.store.migrate import migrate
from noteyard.urls import PublicUrls

HEALTHY_SECONDS = 300.0
MOST_STARTS = 6
"""A part that has failed so often before it was ever well is broken; waiting longer would only hide that."""
STEP = 0.2


class AlreadyRunning(Conflict):
    """The installation is up; `url` is its address."""

    def __init__(self, instance: Instance, url: str) -> None:
        super().__init__(f"Noteyard is already running at {url} (state folder {instance.state}).")
        self.url = url


@dataclass
class Starting:
    """One start. `parts_of` makes the parts once ports and secrets are there; `say` tells progress to a person."""

    settings: Settings
    parts_of: Callable[[Settings, Instance], Sequence[Part]]
    environment: Mapping[str, str]
    say: Callable[[str], None]

    def start(self) -> subprocess.Popen[bytes]:
        """Returns supervisord's process once all parts are healthy; stops everything again when they don't get so."""
        instance = Instance.of(self.settings)
        instance.make_secrets()
        with started.alone(instance, self.say):
            self._refuse_second(instance)
            check_public_ports(self.settings)
            self._settle_leftovers(instance)
            database = Database(self.settings.database_url or instance.database_url)
            with telling_of_database(database.url):
                migrate(database, instance.run)
            database.close()
            parts = self.parts_of(self.settings, instance)
            forget_starts(instance)
            started.write(instance, PublicUrls.of(self.settings).hub, self.environment)
            process = start_supervisor(instance, parts, self.environment)
            try:
                self._wait(instance, parts)
            except BaseException:
                self.say("Stopping what was started …")
                started.forget(instance)
                stop_everything(instance, self.say, Event())
                process.wait()
                raise
        return process

    def keep(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until the installation is stopped by `noteyard down`; a supervisor that is killed is started again."""
        instance = Instance.of(self.settings)
        while True:
            process.wait()
            with started.alone(instance, self.say):
                if started.read(instance.state) is None:
                    return
                self.say("The supervisor ended unexpectedly: starting it and the parts again.")
                kill_leftovers(instance)
                process = start_supervisor(instance, self.parts_of(self.settings, instance), self.environment)

    def _refuse_second(self, instance: Instance) -> None:
        if SupervisorClient(instance).pid() is not None:
            before = started.read(instance.state)
            raise AlreadyRunning(instance, before.url if before else PublicUrls.of(self.settings).hub)

    def _settle_leftovers(self, instance: Instance) -> None:
        # After a crash, labs and workers that still run are adopted, unless they would look for the parts in vain.
        kill_leftovers(instance)
        before = last_ports(instance)
        if choose_ports(instance) != before:
            stop_everything(instance, self.say, Event())

    def _wait(self, instance: Instance, parts: Sequence[Part]) -> None:
        client = SupervisorClient(instance)
        waiting = {part.name: part for part in parts}
        begun = time.monotonic()
        while True:
            try:
                states = {state.name: state for state in client.states()}
            except GONE:
                raise Unavailable(
                    "The supervisor ended while the parts were starting.", f"See {instance.logs / 'supervisor.log'}."
                ) from None
            for part in [part for part in waiting.values() if is_healthy(part.healthy, states.get(part.name))]:
                del waiting[part.name]
                self.say(f"  {part.name} is ready ({time.monotonic() - begun:.1f} s)")
            if not waiting:
                return
            hopeless = [name for name in waiting if name in states and states[name].starts >= MOST_STARTS]
            if hopeless or time.monotonic() - begun > HEALTHY_SECONDS:
                raise _not_healthy(instance, hopeless or sorted(waiting))
            time.sleep(STEP)


def _not_healthy(instance: Instance, names: list[str]) -> Unavailable:
    path = instance.logs / f"{names[0]}.log"
    lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
    last = f" The last line of {names[0]}'s log: {lines[-1][:300]}" if lines else ""
    return Unavailable(f"{', '.join(names)} did not get ready.{last}", f"The whole log is {path}.")
