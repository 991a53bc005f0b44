"""Kubernetes objects of attempts and dashboards, as the API takes them. Pure.

Names are our ids with hyphens for dots; labels carry the ids as they are, and everything is found again by label.
"""

import json
from dataclasses import dataclass
from typing import Any

from noteyard.backends.base import Start
from noteyard.kubernetes_settings import Kubernetes
from noteyard.settings import Profile

PART_OF = "app.kubernetes.io/part-of"
INSTANCE = "app.kubernetes.io/instance"
COMPONENT = "app.kubernetes.io/component"
ID = "noteyard/id"
VERSION = "noteyard/version"
PERSON = "noteyard/person"
RUN, DASHBOARD = "run", "dashboard"

WORK = "/work"
HOME = "/home/jovyan"
ACCESS = "/run/noteyard"
ACCESS_FILE = "access.json"
UID = 1000
SAVING_SECONDS = 30
"""How long a worker that is told to end may take to save; its own limit is 20 s."""
LAST_RESORT_SECONDS = 24 * 3600
"""What a Job may take beside its run's timeout and the known parts of its start and end: worker and controller keep the
timeout themselves."""
ENDED_FOR_SECONDS = 600
NOT_MOVED = {"karpenter.sh/do-not-disrupt": "true", "cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}
"""Annotations of labs and runs: what they hold in memory is lost when an autoscaler empties their node."""
DASHBOARD_PORT = 8866

Manifest = Any
"""An object as JSON; the client's types ask for its own classes, and take this as well."""


@dataclass(frozen=True)
class Kind:
    """What the pods of a kind run: `python PROGRAM OPTION ID`; `subject` is what the id is called in `access.json`."""

    component: str
    program: tuple[str, ...]
    option: str
    subject: str


RUNS = Kind(RUN, ("-m", "noteyard_lab.worker"), "--attempt", "attempt")
DASHBOARDS = Kind(DASHBOARD, ("-m", "noteyard_lab.dashboard"), "--workload", "workload")


def object_name(kind: Kind, id: str) -> str:
    """`run-r4k2m9x0q1ab-1` for the attempt `r4k2m9x0q1ab.1`."""
    return f"{kind.component}-{id.replace('.', '-')}"


def labels(release: str, component: str, id: str | None = None) -> dict[str, str]:
    """Labels of what belongs to an installation; `id` is an attempt's or a dashboard process's."""
    found = {PART_OF: "noteyard", INSTANCE: release, COMPONENT: component}
    return {**found, ID: id} if id is not None else found


def selector(release: str, component: str) -> str:
    """The label selector that finds all of a component."""
    return ",".join(f"{name}={value}" for name, value in labels(release, component).items())


def job(kind: Kind, start: Start, profile: Profile, options: Kubernetes) -> Manifest:
    """The Job of an attempt: one pod, never started a second time by Kubernetes.

    It is made suspended, so that its Secret, which belongs to it, is there before its pod; see `RESUMED`.
    """
    marks = labels(options.release, kind.component, start.id)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": object_name(kind, start.id), "labels": marks},
        "spec": {
            "suspend": True,
            # Our controller tries again; a pod of Kubernetes' own making would have no token to claim with.
            "backoffLimit": 0,
            "ttlSecondsAfterFinished": ENDED_FOR_SECONDS,
            **_deadline(start, options),
            "template": {
                "metadata": {"labels": marks, "annotations": NOT_MOVED},
                "spec": {**pod_spec(kind, start, profile, options), "restartPolicy": "Never"},
            },
        },
    }


def _deadline(start: Start, options: Kubernetes) -> Manifest:
    """The end of a Job that nobody ends any more; a run without a limit has none here either."""
    if start.timeout is None:
        return {}
    around = options.start_seconds + options.pull_seconds + SAVING_SECONDS + options.mount.ending_seconds
    return {"activeDeadlineSeconds": start.timeout + around + LAST_RESORT_SECONDS}


RESUMED: Manifest = {"spec": {"suspend": False}}
"""The change that lets a Job make its pod."""


def pod_spec(kind: Kind, start: Start, profile: Profile, options: Kubernetes) -> Manifest:
    """A pod within the Pod Security Standard `restricted` that knows nothing of Kubernetes."""
    scratch = {"emptyDir": {"sizeLimit": options.scratch}}
    return {
        "nodeSelector": profile.node_selector,
        "tolerations": tolerations(profile),
        "imagePullSecrets": [{"name": name} for name in options.image_pull_secrets],
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": SAVING_SECONDS,
        "securityContext": pod_security(),
        "containers": [
            {
                "name": kind.component,
                "image": profile.image,
                "imagePullPolicy": options.image_pull_policy,
                "command": ["python", "-I", *kind.program, kind.option, start.id],
                "args": ["--access", f"{ACCESS}/{ACCESS_FILE}"],
                "workingDir": WORK,
                "env": [{"name": "HOME", "value": HOME}],
                "resources": resources(profile),
                "securityContext": container_security(),
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "volumeMounts": [
                    {"name": "work", "mountPath": WORK},
                    {"name": "home", "mountPath": HOME},
                    {"name": "access", "mountPath": ACCESS, "readOnly": True},
                ],
            }
        ],
        "volumes": [
            {"name": "work", **scratch},
            {"name": "home", **scratch},
            {"name": "access", "secret": {"secretName": object_name(kind, start.id), "defaultMode": 0o440}},
        ],
    }


def access_secret(kind: Kind, start: Start, options: Kubernetes, owner: Manifest) -> Manifest:
    """What the pod claims with; it goes with its owner, a Job or Deployment as the API gave it.

    The token is good for one claim, whose answer has another (see the API's workers).
    """
    access = {"api": f"{options.addresses['api']}/internal/v1", kind.subject: start.id, "token": start.token}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": object_name(kind, start.id),
            "labels": labels(options.release, kind.component, start.id),
            "ownerReferences": [owned_by(owner)],
        },
        "stringData": {ACCESS_FILE: json.dumps(access)},
    }


def owned_by(owner: Manifest) -> Manifest:
    """The reference that makes an object go when its owner goes."""
    known = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": known["name"],
        "uid": known["uid"],
        "controller": False,
        "blockOwnerDeletion": False,
    }


def pod_security() -> Manifest:
    return {
        "runAsNonRoot": True,
        "runAsUser": UID,
        "runAsGroup": UID,
        "fsGroup": UID,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def container_security() -> Manifest:
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "runAsNonRoot": True}


def resources(profile: Profile) -> Manifest:
    """Limits as the profile says, and as requests what a pod needs at least."""
    cpu = {"cpu": f"{profile.cpu:g}"} if profile.cpu else {}
    memory = {"memory": f"{profile.memory_mb}Mi"} if profile.memory_mb else {}
    gpus = {profile.gpu_resource: str(profile.gpus)} if profile.gpus else {}
    kept = profile.memory_request_mb or profile.memory_mb or 512
    requests = {"cpu": f"{profile.cpu_request or _less(profile.cpu):g}", "memory": f"{kept}Mi"}
    return {"limits": {**cpu, **memory, **gpus}, "requests": requests}


def tolerations(profile: Profile) -> Manifest:
    return [toleration.model_dump(exclude_none=True) for toleration in profile.tolerations]


def _less(cpu: float | None) -> float:
    # Notebooks mostly wait: a tenth of the limit is reserved, so that a node takes more people than it has cores.
    return max(0.05, (cpu or 1.0) / 10)
