"""Kubernetes objects of dashboards, as the API takes them. Pure.

A version of a dashboard is a Deployment and a Service of the same name, which stay while it sleeps. Each start of it
gives the Deployment's pod another id and a Secret of its own: a token is good for one claim.
"""

from noteyard.backends.base import Start
from noteyard.backends.kubernetes.manifests import (
    DASHBOARD,
    DASHBOARD_PORT,
    DASHBOARDS,
    ID,
    VERSION,
    Kind,
    Manifest,
    labels,
    object_name,
    owned_by,
    pod_spec,
)
from noteyard.kubernetes_settings import Kubernetes
from noteyard.settings import Profile

BEFORE = "noteyard/before"
"""Annotation: the start before, whose Secret may still have to be deleted."""


def version_of(id: str) -> str:
    """`d4k2m9x0q1ab.3` for its process `d4k2m9x0q1ab.3.17`."""
    return id.rpartition(".")[0]


def start_of(id: str) -> int:
    """Which start of its dashboard a process is, counted from 1."""
    return int(id.rpartition(".")[2])


def workload_name(id: str) -> str:
    """Name of the Deployment and Service of a process's version."""
    return object_name(DASHBOARDS, version_of(id))


def deployment(kind: Kind, start: Start, profile: Profile, options: Kubernetes) -> Manifest:
    """The Deployment of a version with one start's pod."""
    marks = labels(options.release, DASHBOARD, start.id) | {VERSION: version_of(start.id)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": workload_name(start.id), "labels": marks},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": _fixed(start.id, options)},
            # The pod before is of no more use: it ended, or it would not have been started again.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}},
            "revisionHistoryLimit": 0,
            "template": {"metadata": {"labels": marks}, "spec": pod_spec(kind, start, profile, options)},
        },
    }


def service(start: Start, options: Kubernetes, owner: Manifest) -> Manifest:
    """A name for the pod of this start alone, which the edge leads to."""
    fixed = _fixed(start.id, options)
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": workload_name(start.id), "labels": fixed, "ownerReferences": [owned_by(owner)]},
        "spec": {"selector": {**fixed, ID: start.id}, "ports": [{"name": "http", "port": DASHBOARD_PORT}]},
    }


def led_to(id: str) -> Manifest:
    """The change of a Service that leads it to another start's pod."""
    return {"spec": {"selector": {ID: id}}}


ASLEEP: Manifest = {"spec": {"replicas": 0}}
"""The change that lets a Deployment sleep."""


def _fixed(id: str, options: Kubernetes) -> dict[str, str]:
    return labels(options.release, DASHBOARD) | {VERSION: version_of(id)}
