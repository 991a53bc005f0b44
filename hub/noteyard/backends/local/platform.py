"""Noteyard on one machine."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from noteyard.backends.base import PersonalData
from noteyard.backends.local.personal_data import delete_personal_data, personal_data
from noteyard.backends.local.runner import LocalRunner
from noteyard.backends.local.s3_edge import s3_dynamic
from noteyard.backends.local.s3_folder import S3Folder
from noteyard.backends.local.spare_labs import shared_spares
from noteyard.backends.local.workload_host import LocalWorkloadHost
from noteyard.instance import Instance
from noteyard.profiles import environment_folder
from noteyard.s3_environment import Key, s3_environment
from noteyard.s3_places import DataIdentity
from noteyard.settings import Settings
from noteyard.urls import PublicUrls

ROOT_WARNING = (
    "Noteyard runs as root: labs and runs do too, and can change everything on this machine. "
    "Run it by an account of its own, other than in a container.\n"
)

SECONDS_A_DAY = 86400
LOOPBACK = "127.0.0.1"
"""Where labs and dashboards listen on one machine."""


class LocalPlatform:
    """Implements Platform with local processes."""

    dashboard_bind = "127.0.0.1:0"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.instance = Instance.of(settings)

    def configure(self, c: Any) -> None:
        """Spawner, and the addresses of the parts."""
        # Only the hub has JupyterHub's spawners to import; the controller needs the rest of this class alone.
        from noteyard.backends.local.spawner import LabSpawner

        if os.geteuid() == 0:
            sys.stderr.write(ROOT_WARNING)
        c.JupyterHub.hub_bind_url = self.instance.internal_url("hub")
        c.JupyterHub.hub_connect_url = self.instance.internal_url("hub")
        c.NoteyardProxy.api_url = self.instance.internal_url("api")
        c.NoteyardProxy.edge_urls = [self.instance.internal_url("edge")]
        c.JupyterHub.spawner_class = LabSpawner
        c.LabSpawner.settings = self.settings
        c.LabSpawner.database_url = self.settings.database_url or self.instance.database_url
        c.LabSpawner.poll_interval = 5
        spares = shared_spares(self.instance, PublicUrls.of(self.settings), self.settings.labs.spares)
        usual = environment_folder(self.settings, self.settings.profiles[0])
        # JupyterHub reads its configuration in its loop.
        spares.fill_later(usual)

    def edge_part(self) -> Mapping[str, Any]:
        """The embedded S3's routes."""
        return s3_dynamic(self.instance.internal_url("api"), self.instance.internal_url("s3"))

    def dashboard_address(self, id: str, host: str, port: int) -> str | None:
        """On this machine alone, and not where one of our own parts listens."""
        return f"{host}:{port}" if host == LOOPBACK and port not in self.instance.ports().values() else None

    def data_environment(self, identity: DataIdentity, key: Callable[[], Key]) -> Mapping[str, str]:
        """The embedded S3's address, and a key for it."""
        return s3_environment(key(), PublicUrls.of(self.settings).s3)

    def runner(self) -> LocalRunner:
        return LocalRunner(self.settings, self.instance)

    def personal_data(self, person: str) -> PersonalData:
        """Files below the person's folders; what links lead to is not theirs."""
        return personal_data(self.instance, person)

    async def purge(self, person: str) -> bool:
        """Delete the person's folder, their bucket's folder and their lab's log."""
        await asyncio.to_thread(delete_personal_data, self.instance, person)
        return True

    async def sweep_labs(self, has_lab: Callable[[str], Awaitable[bool]]) -> None:
        """Nothing: a lab that the hub does not know is ended when its person starts the next, or Noteyard stops."""

    async def known_images(self) -> Mapping[str, str]:
        """None: a profile is an environment in a folder."""
        return {}

    async def tidy(self) -> None:
        """Remove what S3 uploads that were broken off left; none goes on for longer than a day."""
        await asyncio.to_thread(S3Folder(self.instance.s3).sweep, SECONDS_A_DAY)

    async def close(self) -> None:
        """Nothing is held."""

    def workload_host(self) -> LocalWorkloadHost:
        return LocalWorkloadHost(self.settings, self.instance)
