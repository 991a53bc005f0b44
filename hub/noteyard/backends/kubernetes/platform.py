"""Noteyard on Kubernetes."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from noteyard.backends.base import PersonalData
from noteyard.backends.kubernetes.cluster import Cluster, asking
from noteyard.backends.kubernetes.homes import delete_home, size_of_home
from noteyard.backends.kubernetes.image_pods import known_images
from noteyard.backends.kubernetes.lab_sweep import LabSweep
from noteyard.backends.kubernetes.manifests import DASHBOARD_PORT
from noteyard.backends.kubernetes.personal_s3 import delete_personal_s3
from noteyard.backends.kubernetes.runner import KubernetesRunner
from noteyard.backends.kubernetes.s3_credentials import data_environment
from noteyard.backends.kubernetes.workload_host import KubernetesWorkloadHost
from noteyard.backends.kubernetes.workload_manifests import workload_name
from noteyard.instance import Instance
from noteyard.s3_environment import Key
from noteyard.s3_places import DataIdentity
from noteyard.settings import Settings


class KubernetesPlatform:
    """Implements Platform with pods in the users' namespace."""

    dashboard_bind = f"0.0.0.0:{DASHBOARD_PORT}"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.instance = Instance.of(settings)
        self._sweep = LabSweep(settings)
        self._cluster = Cluster()
        self._made: list[KubernetesRunner | KubernetesWorkloadHost] = []

    def configure(self, c: Any) -> None:
        """Spawner, and the addresses of the parts."""
        from noteyard.backends.kubernetes.spawner_config import configure_spawner

        address, port = self.instance.listens("hub")
        c.JupyterHub.hub_bind_url = f"http://{address}:{port}"
        c.JupyterHub.hub_connect_url = self.instance.internal_url("hub")
        c.NoteyardProxy.api_url = self.instance.internal_url("api")
        c.NoteyardProxy.edge_urls = [self.instance.internal_url("edge")]
        configure_spawner(c, self.settings)

    def edge_part(self) -> Mapping[str, Any]:
        """Nothing: S3 is a service of its own."""
        return {}

    def dashboard_address(self, id: str, host: str, port: int) -> str | None:
        """The Service of the dashboard's version, which leads to its pod alone, whatever the pod says."""
        return f"{workload_name(id)}.{self.settings.kubernetes.namespace}:{DASHBOARD_PORT}"

    def data_environment(self, identity: DataIdentity, key: Callable[[], Key]) -> Mapping[str, str]:
        """Where the data is, and where the pod's own sidecar gives credentials for it; never a key."""
        return data_environment(self.settings.s3, identity)

    def runner(self) -> KubernetesRunner:
        made = KubernetesRunner(self.settings, self._cluster)
        self._made.append(made)
        return made

    def workload_host(self) -> KubernetesWorkloadHost:
        made = KubernetesWorkloadHost(self.settings, self._cluster)
        self._made.append(made)
        return made

    def personal_data(self, person: str) -> PersonalData:
        """The person's home, as one file of its volume's size: what is in it, only their pods see."""
        return PersonalData(1, size_of_home(self.settings))

    async def purge(self, person: str) -> bool:
        """Delete the claim of the person's home, and with it the volume as its storage class says, and their own S3
        data."""
        await delete_home(self.settings, person)
        if self.settings.s3.team_url and self.settings.s3.personal_url:
            return await delete_personal_s3(self.instance, person)
        return True

    async def sweep_labs(self, has_lab: Callable[[str], Awaitable[bool]]) -> None:
        await self._sweep.turn(has_lab)

    async def known_images(self) -> Mapping[str, str]:
        with asking():
            return await known_images(await self._cluster.core(), self.settings)

    async def tidy(self) -> None:
        """Nothing is left: what belongs to a Job or Deployment goes with it."""

    async def close(self) -> None:
        """Stop watching, and end the connections."""
        for made in self._made:
            await made.close()
        await self._cluster.close()
