"""What Jobs, Deployments and their pods tell of attempts and dashboards' processes. Pure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from noteyard.backends.base import Observed
from noteyard.backends.kubernetes.manifests import ID, Manifest
from noteyard.backends.kubernetes.observing import Judge
from noteyard.backends.kubernetes.pinned_images import missing_image
from noteyard.backends.kubernetes.pod_states import (
    ended_by_the_cluster,
    has_begun,
    has_ended,
    helper_fails,
    hint_for,
    is_tried_again,
    scheduled_at,
    used_too_much,
    was_refused,
    was_restarted,
    why_it_cannot_start,
    why_it_ended,
    why_it_is_not_ready,
    why_it_waits,
)
from noteyard.kubernetes_settings import Kubernetes

NO_NODE_HINT = "Choose a profile that asks for less, or ask an administrator for larger or more nodes."
NO_POD = "Kubernetes makes no pod for it, most often because the users' namespace has used up its quota"
NO_POD_HINT = "Wait for others' runs to end, or ask an administrator for a larger quota."

MOST_REFUSED = 10
"""So many pods of one start of a dashboard may be refused by nodes; Kubernetes makes another one at once."""


@dataclass(frozen=True)
class Patience:
    """Seconds that a pod may wait for a node, and then for this node to get ready for it; `now` is UTC."""

    no_node: int
    not_ready: int
    now: datetime

    @staticmethod
    def of(options: Kubernetes) -> "Patience":
        return Patience(options.start_seconds, options.pull_seconds, datetime.now(UTC))


def judge_attempts(options: Kubernetes) -> Judge:
    """A judge of Jobs and their pods; what waits for longer than the settings say won't start."""
    return lambda owners, pods: attempts(owners, pods, Patience.of(options))


def judge_workloads(options: Kubernetes) -> Judge:
    """A judge of Deployments and their pods; what waits for longer than the settings say won't start."""
    return lambda owners, pods: workloads(owners, pods, Patience.of(options))


def attempts(jobs: Sequence[Manifest], pods: Sequence[Manifest], patience: Patience) -> dict[str, Observed]:
    """Every pod of a run, and Jobs that have no pod (yet, or any more)."""
    seen = {_id(job): _of_job(job, patience) for job in jobs}
    return seen | {_id(pod): _of_pod(pod, patience) for pod in pods}


def workloads(deployments: Sequence[Manifest], pods: Sequence[Manifest], patience: Patience) -> dict[str, Observed]:
    """Every pod of a dashboard, and Deployments that have no pod of their present start."""
    seen = {_id(item): _of_deployment(item, patience) for item in deployments}
    return seen | _of_replaced(pods, partial(_of_kept_pod, patience=patience))


def _of_job(job: Manifest, patience: Patience) -> Observed:
    id = _id(job)
    for condition in job.get("status", {}).get("conditions") or []:
        if condition["status"] != "True":
            continue
        if condition["type"] == "Failed":
            return Observed(id, True, _why_failed(condition))
        if condition["type"] == "Complete":
            return Observed(id, True)
    if job["spec"].get("suspend"):
        return Observed(id, True, asleep=True)
    if _waited(job.get("status", {}).get("startTime"), patience.no_node, patience.now):
        return Observed(id, True, NO_POD, NO_POD_HINT, pending=True)
    return Observed(id, False, pending=True)


def _why_failed(condition: Manifest) -> str:
    if condition.get("reason") == "DeadlineExceeded":
        return "it went on for longer than Kubernetes lets any run"
    return "its pod was deleted"


def _of_deployment(item: Manifest, patience: Patience) -> Observed:
    id = _id(item)
    if item["spec"].get("replicas") == 0:
        return Observed(id, True, asleep=True)
    for condition in item.get("status", {}).get("conditions") or []:
        failed = condition["type"] == "ReplicaFailure" and condition["status"] == "True"
        if failed and _waited(condition.get("lastTransitionTime"), patience.no_node, patience.now):
            return Observed(id, True, f"{NO_POD}: {condition.get('message')}", NO_POD_HINT, pending=True)
    return Observed(id, False, pending=True)


def _of_pod(pod: Manifest, patience: Patience) -> Observed:
    id = _id(pod)
    if has_ended(pod):
        return _of_ended_pod(pod)
    if has_begun(pod):
        return Observed(id, False)
    waits = why_it_waits(pod)
    if waits is not None:
        over = _waited(pod["metadata"].get("creationTimestamp"), patience.no_node, patience.now)
        return Observed(id, over, waits, NO_NODE_HINT, pending=True)
    return _of_placed_pod(pod, patience)


def _of_placed_pod(pod: Manifest, patience: Patience) -> Observed:
    """Of a pod that a node has taken, or is about to, and that has not begun."""
    id, placed = _id(pod), scheduled_at(pod)
    stuck = why_it_cannot_start(pod)
    if stuck is not None:
        # The kubelet tries again by itself; a registry that is away for a moment fails no run.
        over = not is_tried_again(pod) or _waited(placed, patience.no_node, patience.now)
        hint = _events_hint(pod) if helper_fails(pod) else None
        return Observed(id, over, stuck, hint, pending=True, missing_image=missing_image(pod))
    if _waited(placed, patience.not_ready, patience.now):
        within = _in_words(patience.not_ready)
        said = f"Its node did not get ready for it within {within}: {why_it_is_not_ready(pod)}."
        return Observed(id, True, said, _events_hint(pod), pending=True)
    return Observed(id, False, pending=True)


def _events_hint(pod: Manifest) -> str:
    known = pod["metadata"]
    return (
        "Try again. If it happens again, an administrator sees why for about an hour: "
        f"kubectl -n {known.get('namespace')} get events --field-selector involvedObject.name={known.get('name')}"
    )


def _of_ended_pod(pod: Manifest) -> Observed:
    reason, hint, exceeded = why_it_ended(pod), hint_for(pod), used_too_much(pod)
    displaced = ended_by_the_cluster(pod) is not None and not exceeded
    return Observed(_id(pod), True, reason, hint, exceeded=exceeded, displaced=displaced)


def _of_kept_pod(pod: Manifest, patience: Patience) -> Observed:
    # Kubernetes starts a container, and makes a pod, again where one ended: it can't claim what was claimed before.
    if was_restarted(pod):
        return _of_ended_pod(pod)
    if pod["metadata"].get("deletionTimestamp"):
        return Observed(_id(pod), True, "its pod was deleted")
    return _of_pod(pod, patience)


def _of_replaced(pods: Iterable[Manifest], judge: Callable[[Manifest], Observed]) -> dict[str, Observed]:
    """By id; where Kubernetes replaced a pod, what became of the first one counts.

    One that a node refused has claimed nothing, so that another takes its place, unless there have been many.
    """
    found: dict[str, Observed] = {}
    refused: dict[str, list[Manifest]] = {}
    for pod in sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp"))):
        if was_refused(pod):
            refused.setdefault(_id(pod), []).append(pod)
        elif _id(pod) not in found:
            found[_id(pod)] = judge(pod)
    over = {id: judge(tries[-1]) for id, tries in refused.items() if len(tries) >= MOST_REFUSED}
    return over | found


def _waited(since: str | None, seconds: int, now: datetime) -> bool:
    return since is not None and now - datetime.fromisoformat(since) > timedelta(seconds=seconds)


def _in_words(seconds: int) -> str:
    return f"{seconds // 60} minutes" if seconds >= 120 and seconds % 60 == 0 else f"{seconds} seconds"


def _id(item: Manifest) -> str:
    return str(item["metadata"]["labels"][ID])
