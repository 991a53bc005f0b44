"""KubeSpawner as every lab needs it: the Pod Security Standard `restricted`, a home that stays, no Kubernetes token."""

from collections.abc import Callable
from typing import Any

from noteyard.backends.kubernetes.manifests import INSTANCE, PART_OF, UID
from noteyard.backends.kubernetes.s3_credentials import data_parts
from noteyard.backends.kubernetes.spawner import PodSpawner
from noteyard.domain import DataUser
from noteyard.instance import Instance
from noteyard.s3_places import DataIdentity
from noteyard.settings import Settings

PORT = 8888
GRACE_SECONDS = 30


def configure_spawner(c: Any, settings: Settings) -> None:
    options = settings.kubernetes
    c.JupyterHub.spawner_class = PodSpawner
    c.PodSpawner.settings = settings
    c.PodSpawner.namespace = options.namespace
    c.PodSpawner.cmd = ["python", "-I", "-m", "noteyard_lab.lab"]
    c.PodSpawner.ip, c.PodSpawner.port = "0.0.0.0", PORT
    c.PodSpawner.hub_connect_url = Instance.of(settings).internal_url("hub")
    c.PodSpawner.image_pull_policy = options.image_pull_policy
    c.PodSpawner.image_pull_secrets = options.image_pull_secrets
    c.PodSpawner.pod_name_template = "lab-{user_server}"
    c.PodSpawner.common_labels = {PART_OF: "noteyard", INSTANCE: options.release}
    c.PodSpawner.component_label = "lab"
    c.PodSpawner.poll_interval = 5
    # What was written to S3 is uploaded after the lab's own end.
    grace = GRACE_SECONDS + options.mount.ending_seconds
    c.PodSpawner.delete_grace_period = grace
    # A lab that is ending still has its name: the next one waits for it.
    c.PodSpawner.k8s_api_request_retry_timeout = 2 * grace + 30
    waits = options.unschedulable_seconds + options.new_node_seconds + options.pull_seconds
    c.PodSpawner.start_timeout = waits + settings.labs.start_timeout_seconds + 60
    c.PodSpawner.extra_pod_config = {
        "restartPolicy": "Never",
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": grace,
    }
    c.PodSpawner.modify_pod_hook = _adding_data(settings)
    _security(c)
    _home(c, settings)


def _adding_data(settings: Settings) -> Callable[[Any, Any], Any]:
    # A hook, because KubeSpawner takes braces in init_containers for templates of its own.
    def add(spawner: Any, pod: Any) -> Any:
        person = spawner.user.name
        parts = data_parts(settings, DataIdentity(DataUser.PERSON, person, person))
        main = pod.spec.containers[0]
        pod.spec.volumes = [*(pod.spec.volumes or []), *parts.volumes]
        pod.spec.init_containers = [*(pod.spec.init_containers or []), *parts.init_containers]
        main.volume_mounts = [*(main.volume_mounts or []), *parts.mounts]
        return pod

    return add


def _security(c: Any) -> None:
    c.PodSpawner.automount_service_account_token = False
    c.PodSpawner.uid, c.PodSpawner.gid, c.PodSpawner.fs_gid = UID, UID, UID
    c.PodSpawner.allow_privilege_escalation = False
    c.PodSpawner.pod_security_context = {
        "fsGroup": UID,
        "fsGroupChangePolicy": "OnRootMismatch",
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    c.PodSpawner.container_security_context = {
        "runAsUser": UID,
        "runAsGroup": UID,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }


def _home(c: Any, settings: Settings) -> None:
    homes = settings.kubernetes.homes
    c.PodSpawner.storage_pvc_ensure = True
    c.PodSpawner.delete_pvc = False  # what people have made outlives their lab, and their account
    c.PodSpawner.pvc_name_template = "home-{user_server}"
    c.PodSpawner.storage_capacity = homes.size
    c.PodSpawner.storage_access_modes = ["ReadWriteOnce"]
    if homes.storage_class is not None:
        c.PodSpawner.storage_class = homes.storage_class
