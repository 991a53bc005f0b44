"""Labs that are there for everybody but the machine: hub rows, and pods on a node that does not exist.

Each pod has the state a running lab's would have, and the address of one small server that answers in place of all.
"""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from kubernetes_asyncio import client, config
from noteyard.backends.kubernetes.cluster import if_there, unless_there
from noteyard.backends.kubernetes.lab_sweep import USERNAME
from noteyard.backends.kubernetes.lab_troubles import LAB
from noteyard.backends.kubernetes.manifests import PERSON, container_security, labels, pod_security
from noteyard.names import host_label

from tests.kubernetes.cluster import RELEASE, Cluster
from tests.kubernetes.s3_side import LAB_IMAGE
from tests.support.waiting import until

NODE = "simulated"
LEASES = "kube-node-lease"
RENEW_SECONDS = 10
AT_ONCE = 32
PORT = 8888
STAND_IN = "standin"
ANSWERING = """
import asyncio
from tornado.web import Application, RequestHandler
class Answer(RequestHandler):
    def get(self): self.write({"version": "simulated"})
async def main():
    Application([(".*", Answer)]).listen(8888)
    await asyncio.Event().wait()
asyncio.run(main())
"""
FORGET = """
DELETE FROM servers WHERE id IN (SELECT server_id FROM spawners);
DELETE FROM spawners;
DELETE FROM users;
"""
PEOPLE = """
DELETE FROM people;
INSERT INTO people (name, registered, refused, login_epoch, must_change_password, admin, disabled, hub_cleared, created)
SELECT name, true, false, 0, false, false, false, true, now() FROM unnest(ARRAY[{names}]) AS name
"""
ROUTES = """
DELETE FROM hub_routes WHERE routespec <> '/';
INSERT INTO hub_routes (routespec, target, data, created)
SELECT name || '.localhost/user/' || name || '/', 'http://{address}:{port}',
  CAST('{{"user": "' || name || '", "server_name": ""}}' AS json), now() FROM unnest(ARRAY[{names}]) AS name
"""
ROWS = """
WITH made AS (
  INSERT INTO users (name, admin, created, last_activity, cookie_id)
  SELECT name, false, now(), now(), 'cookie-' || name FROM unnest(ARRAY[{names}]) AS name RETURNING id, name
), at AS (
  INSERT INTO servers (proto, ip, port, base_url, cookie_name)
  SELECT 'http', '{address}', {port}, '/user/' || name || '/', 'cookie-' || name FROM made RETURNING id, base_url
)
INSERT INTO spawners (user_id, server_id, name, state, started, last_activity, user_options)
SELECT made.id, at.id, '', '{{"pod_name": "lab-' || made.name || '", "kubespawner_version": "7.0.0"}}',
  now(), now(), '{{}}'
FROM made JOIN at ON at.base_url = '/user/' || made.name || '/'
"""


def names(count: int) -> list[str]:
    return [f"sim{number:04}" for number in range(count)]


@contextmanager
def simulated_labs(cluster: Cluster, count: int) -> Iterator[None]:
    """Labs of `count` people, and nobody else's, for the time of the block; the hub is away when it begins."""
    everybody = [STAND_IN, *names(count)]
    quoted = ", ".join(f"'{name}'" for name in everybody)
    ended = threading.Event()
    renewing = threading.Thread(target=lambda: asyncio.run(_renew(ended)))
    try:
        address = _stand_in(cluster)
        cluster.sql(PEOPLE.format(names=quoted))
        values = {"names": quoted, "address": address, "port": PORT}
        # As after any restart of the hub: the routes of its labs are there.
        cluster.sql(ROUTES.format(**values))
        inside = ["exec", "-i", "deploy/postgres", "--", "psql", "-U", "postgres", "-v", "ON_ERROR_STOP=1"]
        cluster.kubectl(*inside, stdin=FORGET + ROWS.format(**values))
        asyncio.run(_make_node())
        renewing.start()
        asyncio.run(_make_pods(cluster, names(count), address))
        yield
    finally:
        ended.set()
        if renewing.ident is not None:
            renewing.join()
        asyncio.run(_remove(cluster))


def _stand_in(cluster: Cluster) -> str:
    """The address of the server that answers for all."""
    command = ["python", "-c", ANSWERING]
    cluster.kubectl("create", "-f", "-", stdin=json.dumps(_pod(STAND_IN, command)), namespace=cluster.users)
    ready = ["wait", "--for=condition=Ready", f"pod/lab-{STAND_IN}", "--timeout=120s"]
    cluster.kubectl(*ready, namespace=cluster.users)
    return cluster.kubectl(
        "get", "pod", f"lab-{STAND_IN}", "-o", "jsonpath={.status.podIP}", namespace=cluster.users
    ).strip()


def _pod(person: str, command: list[str], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"lab-{person}",
            "labels": {**labels(RELEASE, "lab"), PERSON: host_label(person)},
            "annotations": {USERNAME: person, PERSON: person},
        },
        "spec": {
            "containers": [
                {
                    "name": LAB,
                    "image": LAB_IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "command": command,
                    "ports": [{"containerPort": PORT, "name": "notebook-port"}],
                    "securityContext": container_security(),
                    "readinessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 1},
                }
            ],
            "securityContext": pod_security(),
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            **spec,
        },
    }


async def _make_node() -> None:
    now = _now()
    ready = {
        "type": "Ready",
        "status": "True",
        "reason": "Simulated",
        "lastHeartbeatTime": now,
        "lastTransitionTime": now,
    }
    async with await _api() as api:
        core = client.CoreV1Api(api)
        await core.create_node(
            {"metadata": {"name": NODE}, "spec": {"taints": [{"key": NODE, "effect": "NoSchedule"}]}}
        )
        room = {"cpu": "4000", "memory": "16Ti", "pods": "10000"}
        await core.patch_node_status(NODE, {"status": {"conditions": [ready], "allocatable": room, "capacity": room}})


async def _renew(ended: threading.Event) -> None:
    """What a kubelet says of its node, so that nobody takes the node for lost."""
    async with await _api() as api:
        leases = client.CoordinationV1Api(api)
        spec = {"holderIdentity": NODE, "leaseDurationSeconds": 40}
        lease = {"metadata": {"name": NODE}, "spec": {**spec, "renewTime": _now()}}
        await unless_there(leases.create_namespaced_lease(LEASES, lease))
        while not await asyncio.to_thread(ended.wait, RENEW_SECONDS):
            await leases.patch_namespaced_lease(NODE, LEASES, {"spec": {"renewTime": _now()}})


async def _make_pods(cluster: Cluster, people: list[str], address: str) -> None:
    slots = asyncio.Semaphore(AT_ONCE)
    now = _now()
    running = {"name": LAB, "image": LAB_IMAGE, "imageID": "", "ready": True, "restartCount": 0}
    status = {
        "phase": "Running",
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": now,
        "conditions": [{"type": kind, "status": "True"} for kind in ("PodScheduled", "Ready", "ContainersReady")],
        "containerStatuses": [{**running, "state": {"running": {"startedAt": now}}}],
    }
    async with await _api() as api:
        core = client.CoreV1Api(api)

        async def make(person: str) -> None:
            async with slots:
                await core.create_namespaced_pod(cluster.users, _pod(person, ["true"], nodeName=NODE))
                await core.patch_namespaced_pod_status(f"lab-{person}", cluster.users, {"status": status})

        await asyncio.gather(*(make(person) for person in people))


async def _remove(cluster: Cluster) -> None:
    async with await _api() as api:
        core = client.CoreV1Api(api)
        await core.delete_collection_namespaced_pod(
            cluster.users, label_selector="app.kubernetes.io/component=lab", grace_period_seconds=0
        )
        await if_there(core.delete_node(NODE))
        await if_there(client.CoordinationV1Api(api).delete_namespaced_lease(NODE, LEASES))


async def _api() -> client.ApiClient:
    await config.load_kube_config()
    return client.ApiClient()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def rest(cluster: Cluster, replicas: int) -> None:
    """Let the hub be away (0) or come back (1), and wait until it is so."""
    cluster.kubectl("scale", f"deploy/{RELEASE}-hub", f"--replicas={replicas}")
    if replicas:
        cluster.kubectl("rollout", "status", f"deploy/{RELEASE}-hub", "--timeout=175s")
        return
    chosen = ["get", "pods", "-l", "app.kubernetes.io/component=hub", "-o", "name"]
    until(lambda: not cluster.kubectl(*chosen).strip(), 120, "the hub's end")
