"""JupyterHub's spawner on one machine: labs are processes of the account that runs Noteyard.

A lab that does not come up says why within seconds: its environment is looked at before the start, and its process
while it starts; the person sees the end of its log.
"""

import asyncio
import os
import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from jupyterhub.spawner import Spawner
from jupyterhub.utils import random_port
from traitlets import Unicode

from noteyard.backends.local import lab_log, lab_process
from noteyard.backends.local.lab_environment import Lab, lab_environment
from noteyard.backends.local.lab_folder import prepare_home
from noteyard.backends.local.processes import ProcessId
from noteyard.backends.local.spare_labs import SpareLabs, shared_spares
from noteyard.backends.local.task_environment import memory_bytes, profile_environment
from noteyard.errors import NoteyardError
from noteyard.hub_pages import LabFailed
from noteyard.instance import Instance
from noteyard.lab_http import lab_answers
from noteyard.lab_profiles import ProfileChoice
from noteyard.profiles import choose_profile
from noteyard.s3_environment import s3_environment
from noteyard.store.database import shared_database
from noteyard.store.s3_keys import key_for_person
from noteyard.urls import PublicUrls

LOOK_SECONDS = 0.03


class LabSpawner(ProfileChoice, Spawner):  # type: ignore[misc]
    """Starts `python -m noteyard_lab.lab` in the profile's environment; finds it again after a restart of the hub."""

    database_url = Unicode(help="SQLAlchemy URL of Noteyard's database.").tag(config=True)

    _process: subprocess.Popen[bytes] | None = None
    _id: ProcessId | None = None

    async def start(self) -> str:
        """Returns the lab's internal URL once it answers. Raises LabFailed in words."""
        try:
            lab = self._lab()
            await asyncio.to_thread(self._end_leftovers)
            await asyncio.to_thread(prepare_home, self._instance, lab.person)
            self.port = random_port()
            variables = await asyncio.to_thread(self._variables, lab)
            memory = memory_bytes(self.settings, lab.profile.name)
            root = ["--allow-root"] if os.geteuid() == 0 else []
            spare = self._spares.take(lab.environment)
            self._process = lab_process.start(
                lab.environment, [*self.get_args(), *root], variables, self._log_file, memory, spare
            )
        except (NoteyardError, OSError) as error:
            raise LabFailed(f"Your lab can't be started. {error}", "lab-not-startable") from None
        self._id = lab_process.identify(self._process.pid)
        url = f"http://127.0.0.1:{self.port}"
        await self._until_up(url)
        self._spares.fill_later(lab.environment)
        return url

    async def poll(self) -> int | None:
        """None while the lab runs, else its exit code (0 when it was started by an earlier hub)."""
        await asyncio.to_thread(lab_log.trim, self._log_file)
        if self._process is not None:
            return self._process.poll()
        if self._id is not None and lab_process.is_alive(self._id):
            return None
        return 0

    async def stop(self, now: bool = False) -> None:
        """End the lab with everything it started."""
        ended = await asyncio.to_thread(lab_process.stop, self._instance, self.user.name, self._id)
        if not ended:
            self.log.error("Processes of the lab of %s did not end", self.user.name)
        if self._process is not None:
            await asyncio.to_thread(self._process.wait, 5)
        self.clear_state()

    def get_state(self) -> dict[str, Any]:
        state: dict[str, Any] = super().get_state()
        if self._id is not None:
            state |= {"pid": self._id.pid, "started": self._id.started}
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        super().load_state(state)
        if "pid" in state:
            self._id = ProcessId(state["pid"], state["started"])

    def clear_state(self) -> None:
        super().clear_state()
        self._process = self._id = None

    async def progress(self) -> AsyncIterator[dict[str, Any]]:
        """What the waiting page says."""
        yield {"progress": 30, "message": "Starting JupyterLab …"}

    @property
    def _spares(self) -> SpareLabs:
        return shared_spares(self._instance, PublicUrls.of(self.settings), self.settings.labs.spares)

    @property
    def _instance(self) -> Instance:
        return Instance.of(self.settings)

    @property
    def _log_file(self) -> Path:
        return lab_log.log_file(self._instance, self.user.name)

    def _lab(self) -> Lab:
        profile = choose_profile(self.settings, self._person(), self.user_options.get("profile"))
        return Lab(self.user.name, profile, profile_environment(self.settings, profile.name))

    def _variables(self, lab: Lab) -> dict[str, str]:
        urls = PublicUrls.of(self.settings)
        with shared_database(self.database_url).write() as session:
            key = key_for_person(session, lab.person)
        own = lab_environment(self._instance, lab, urls, os.environ)
        return {**self.get_env(), **own, **self.settings.labs.environment(), **s3_environment(key, urls.s3)}

    def _end_leftovers(self) -> None:
        # A hub that was killed while it started a lab does not know that lab.
        lab_process.stop(self._instance, self.user.name, None)

    async def _until_up(self, url: str) -> None:
        deadline = time.monotonic() + self.settings.labs.start_timeout_seconds
        while not await lab_answers(f"{url}{self.server.base_url}"):
            code = await self.poll()
            if code is not None:
                raise self._failure(f"Your lab ended while it was starting ({_ending(code)}).", "lab-exited")
            if time.monotonic() > deadline:
                waited = self.settings.labs.start_timeout_seconds
                raise self._failure(f"Your lab did not answer within {waited} seconds.", "lab-silent")
            await asyncio.sleep(LOOK_SECONDS)

    def _failure(self, message: str, reason: str) -> LabFailed:
        return LabFailed(message, reason, lab_log.last_lines(self._log_file))


def _ending(code: int) -> str:
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
