"""What the states of Jobs, Deployments and pods mean for attempts and dashboards."""

from datetime import UTC, datetime
from typing import Any

import pytest
from noteyard.backends.base import Observed
from noteyard.backends.kubernetes.judging import (
    MOST_REFUSED,
    NO_NODE_HINT,
    NO_POD,
    NO_POD_HINT,
    Patience,
    attempts,
    workloads,
)
from noteyard.backends.kubernetes.pinned_images import IMAGE
from noteyard.backends.kubernetes.pod_states import DISK_HINT, MEMORY_HINT

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
BEFORE = "2026-11-25T11:59:00Z"
LONG_AGO = "2026-11-25T11:00:00Z"
LATELY = "2026-11-25T11:48:00Z"
PATIENCE = Patience(600, 900, NOW)
ATTEMPT, PROCESS = "r1.1", "d1.2.3"


def job(**fields: Any) -> dict[str, Any]:
    return {"metadata": {"labels": {"noteyard/id": ATTEMPT}}, "spec": {"suspend": False}, "status": {}, **fields}


def deployment(replicas: int = 1, **status: Any) -> dict[str, Any]:
    return {"metadata": {"labels": {"noteyard/id": PROCESS}}, "spec": {"replicas": replicas}, "status": status}


def pod(id: str, phase: str = "Running", created: str = BEFORE, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {
            "namespace": "users",
            "name": f"pod-{id}",
            "labels": {"noteyard/id": id},
            "creationTimestamp": created,
        },
        "spec": {"containers": [{"resources": {"limits": {"memory": "512Mi"}}}]},
        "status": {"phase": phase, **status},
    }


def container(restarts: int = 0, last: dict[str, Any] | None = None, **state: Any) -> dict[str, Any]:
    return {"restartCount": restarts, "state": state, "lastState": {"terminated": last} if last else {}}


def placed(since: str) -> dict[str, Any]:
    """The condition of a pod that a node has taken."""
    return {"type": "PodScheduled", "status": "True", "lastTransitionTime": since}


def of_attempt(*pods: dict[str, Any], **fields: Any) -> Observed:
    return attempts([job(**fields)], list(pods), PATIENCE)[ATTEMPT]


def of_process(*pods: dict[str, Any], **status: Any) -> Observed:
    return workloads([deployment(**status)], list(pods), PATIENCE)[PROCESS]


def test_a_job_that_was_not_let_go_yet_is_asleep() -> None:
    assert of_attempt(spec={"suspend": True}) == Observed(ATTEMPT, True, asleep=True)


def test_a_job_without_a_pod_is_about_to_have_one() -> None:
    assert of_attempt() == Observed(ATTEMPT, False, pending=True)
    assert of_attempt(status={"startTime": BEFORE}) == Observed(ATTEMPT, False, pending=True)


def test_a_job_that_gets_no_pod_for_long_can_not_start() -> None:
    assert of_attempt(status={"startTime": LONG_AGO}) == Observed(ATTEMPT, True, NO_POD, NO_POD_HINT, pending=True)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("BackoffLimitExceeded", "its pod was deleted"),
        ("DeadlineExceeded", "it went on for longer than Kubernetes lets any run"),
    ],
)
def test_a_job_that_failed_without_a_pod_says_why(reason: str, said: str) -> None:
    failed = {"conditions": [{"type": "Failed", "status": "True", "reason": reason}]}
    assert of_attempt(status=failed) == Observed(ATTEMPT, True, said)


def test_a_pod_that_waits_for_its_image_or_its_node_is_about_to_begin() -> None:
    assert of_attempt(pod(ATTEMPT, "Pending")) == Observed(ATTEMPT, False, pending=True)


@pytest.mark.parametrize(("created", "over"), [(BEFORE, False), (LONG_AGO, True)])
def test_a_pod_that_no_node_takes_is_given_time(created: str, over: bool) -> None:
    unschedulable = {
        "type": "PodScheduled",
        "status": "False",
        "message": "0/1 nodes are available: 1 Insufficient cpu.",
    }
    found = of_attempt(pod(ATTEMPT, "Pending", created, conditions=[unschedulable]))
    said = "No node of the cluster can take it now: 0/1 nodes are available: 1 Insufficient cpu."
    assert found == Observed(ATTEMPT, over, said, NO_NODE_HINT, pending=True)


def test_an_image_that_is_not_there_ends_it_at_once() -> None:
    waiting = container(waiting={"reason": "ErrImageNeverPull", "message": "not present"}) | {"image": "lab:1"}
    said = "The image lab:1 can't be had on the node (ErrImageNeverPull). not present"
    assert of_attempt(pod(ATTEMPT, "Pending", containerStatuses=[waiting])) == Observed(
        ATTEMPT, True, said, pending=True
    )


@pytest.mark.parametrize(
    ("message", "since", "over"),
    [
        ("dial tcp: i/o timeout", BEFORE, False),
        ("dial tcp: i/o timeout", LATELY, True),
        ("manifest unknown: lab:1 not found", BEFORE, True),
    ],
)
def test_a_registry_that_is_away_for_a_moment_fails_no_run(message: str, since: str, over: bool) -> None:
    waiting = container(waiting={"reason": "ErrImagePull", "message": message}) | {"image": "lab:1"}
    said = f"The image lab:1 can't be had on the node (ErrImagePull). {message}"
    # It has waited for its node for long, which is not the registry's fault.
    found = of_attempt(pod(ATTEMPT, "Pending", LONG_AGO, conditions=[placed(since)], containerStatuses=[waiting]))
    assert found == Observed(ATTEMPT, over, said, pending=True)


CREATING = container(waiting={"reason": "ContainerCreating"}) | {"name": "run", "image": "lab:1"}
NO_SANDBOX = {"type": "PodReadyToStartContainers", "status": "False"}
HAS_SANDBOX = {"type": "PodReadyToStartContainers", "status": "True"}


def helper(started: bool = False, last: dict[str, Any] | None = None, **state: Any) -> dict[str, Any]:
    return container(1 if last else 0, last, **state) | {"name": "s3-mount", "started": started}


@pytest.mark.parametrize(
    ("conditions", "helpers", "said"),
    [
        ([NO_SANDBOX], [], "its volumes or its network are not set up"),
        ([HAS_SANDBOX], [], "ContainerCreating (its image is lab:1)"),
        ([HAS_SANDBOX], [helper(running={"startedAt": LONG_AGO})], "its helper s3-mount is not ready"),
        ([], [helper(True, running={"startedAt": LONG_AGO})], "ContainerCreating (its image is lab:1)"),
    ],
)
@pytest.mark.parametrize("id", [ATTEMPT, PROCESS])
def test_a_pod_that_its_node_does_not_get_ready_for_is_waited_for_for_a_while(
    id: str, conditions: list[Any], helpers: list[Any], said: str
) -> None:
    def observed(since: str) -> Observed:
        statuses = {"containerStatuses": [CREATING], "initContainerStatuses": helpers}
        found = pod(id, "Pending", LONG_AGO, conditions=[placed(since), *conditions], **statuses)
        return of_attempt(found) if id == ATTEMPT else of_process(found)

    assert observed(LATELY) == Observed(id, False, pending=True)
    late = observed(LONG_AGO)
    assert (late.ended, late.pending) == (True, True)
    assert late.reason == f"Its node did not get ready for it within 15 minutes: {said}."
    assert late.hint is not None
    assert late.hint.endswith(f"kubectl -n users get events --field-selector involvedObject.name=pod-{id}")


@pytest.mark.parametrize(("since", "over"), [(BEFORE, False), (LATELY, True)])
def test_a_helper_that_ends_again_and_again_is_given_time(since: str, over: bool) -> None:
    crashed = {"exitCode": 1, "message": "no bucket\n"}
    crashing = helper(last=crashed, waiting={"reason": "CrashLoopBackOff", "message": "back-off 40s"})
    statuses = {"containerStatuses": [CREATING], "initContainerStatuses": [crashing]}
    found = of_attempt(pod(ATTEMPT, "Pending", LONG_AGO, conditions=[placed(since)], **statuses))
    assert (found.ended, found.pending) == (over, True)
    assert found.reason == (
        "Its helper s3-mount ends again and again: it left with exit code 1; its last words: no bucket."
    )
    assert found.hint is not None


def test_what_has_begun_goes_on_whatever_becomes_of_its_helper() -> None:
    for reason in ("CrashLoopBackOff", "ErrImageNeverPull"):
        running = container(running={"startedAt": LONG_AGO})
        statuses = {"containerStatuses": [running], "initContainerStatuses": [helper(waiting={"reason": reason})]}
        found = pod(ATTEMPT, "Running", LONG_AGO, conditions=[placed(LONG_AGO)], **statuses)
        assert of_attempt(found) == Observed(ATTEMPT, False)


def test_an_image_by_digest_that_no_registry_has_is_named() -> None:
    message = "lab@sha256:1: not found"
    waiting = container(waiting={"reason": "ErrImagePull", "message": message}) | {"image": "lab@sha256:1"}
    for id, judge in ((ATTEMPT, of_attempt), (PROCESS, of_process)):
        stuck = pod(id, "Pending", containerStatuses=[waiting])
        stuck["metadata"]["annotations"] = {IMAGE: "lab:1"}
        stuck["spec"]["containers"][0]["image"] = "lab@sha256:1"
        said = f"The image lab@sha256:1 can't be had on the node (ErrImagePull). {message}"
        assert judge(stuck) == Observed(id, True, said, pending=True, missing_image="lab@sha256:1")


def test_a_running_pod_has_begun() -> None:
    running = container(running={"startedAt": BEFORE})
    assert of_attempt(pod(ATTEMPT, containerStatuses=[running])) == Observed(ATTEMPT, False)


@pytest.mark.parametrize(
    ("ended", "said", "hint"),
    [
        ({"exitCode": 137, "reason": "OOMKilled"}, "it ran out of memory (limit 512Mi)", MEMORY_HINT),
        ({"exitCode": 137}, "killed by signal 9", None),
        (
            {"exitCode": 7, "message": "Traceback:\n  ...\nRuntimeError: the disk is full\n"},
            "it left with exit code 7; its last words: RuntimeError: the disk is full",
            None,
        ),
        ({"exitCode": 3}, "its pod was replaced (evicted, deleted, or on a node that was lost)", None),
        ({"exitCode": 0}, "its process ended", None),
    ],
)
def test_an_ended_pod_says_why_in_one_line(ended: dict[str, Any], said: str, hint: str | None) -> None:
    found = of_attempt(pod(ATTEMPT, "Failed", containerStatuses=[container(terminated=ended)]))
    assert (found.ended, found.reason, found.hint) == (True, said, hint)


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ('Usage of EmptyDir volume "work" exceeds the limit "1Mi". ', DISK_HINT),
        ("The node was low on resource: memory.", None),
    ],
)
def test_an_evicted_pod_says_what_was_used_up(message: str, hint: str | None) -> None:
    found = of_attempt(pod(ATTEMPT, "Failed", reason="Evicted", message=message))
    assert found.reason == f"the cluster ended it (Evicted): {message.rstrip('. ')}"
    assert found.hint == hint


REFUSAL = {"reason": "OutOfcpu", "message": "Node didn't have enough resource: cpu, requested: 1000, used: 3900"}
REFUSED = f"its node did not take it (OutOfcpu): {REFUSAL['message']}"
SHUTDOWN = {"reason": "Terminated", "message": "Pod was terminated in response to imminent node shutdown."}
SHUT_DOWN = "the cluster ended it (Terminated): Pod was terminated in response to imminent node shutdown"


def test_a_pod_that_its_node_refuses_says_so_and_may_do_better_elsewhere() -> None:
    assert of_attempt(pod(ATTEMPT, "Failed", **REFUSAL)) == Observed(ATTEMPT, True, REFUSED, displaced=True)


def test_a_pod_that_ends_with_its_node_s_shutdown_says_so() -> None:
    killed = container(terminated={"exitCode": 143, "startedAt": BEFORE})
    found = of_attempt(pod(ATTEMPT, "Failed", containerStatuses=[killed], **SHUTDOWN))
    assert found == Observed(ATTEMPT, True, SHUT_DOWN, displaced=True)


def test_what_used_too_much_is_not_displaced() -> None:
    found = of_attempt(pod(ATTEMPT, "Failed", reason="Evicted", message="Usage of EmptyDir exceeds the limit"))
    assert (found.exceeded, found.displaced) == (True, False)


def test_a_dashboards_pod_takes_the_place_of_one_that_its_node_refused() -> None:
    refused = pod(PROCESS, "Failed", LONG_AGO, **REFUSAL)
    assert of_process(refused) == Observed(PROCESS, False, pending=True)
    running = pod(PROCESS, containerStatuses=[container(running={"startedAt": BEFORE})])
    assert of_process(*[refused] * MOST_REFUSED, running) == Observed(PROCESS, False)
    assert of_process(refused, replicas=0).asleep


def test_a_dashboard_whose_pods_are_refused_again_and_again_has_ended() -> None:
    refused = pod(PROCESS, "Failed", **REFUSAL)
    assert not of_process(*[refused] * (MOST_REFUSED - 1)).ended
    many = of_process(*[refused] * MOST_REFUSED)
    assert (many.ended, many.reason) == (True, REFUSED)


def test_a_dashboards_pod_that_ended_with_its_node_counts_though_another_takes_its_place() -> None:
    killed = container(terminated={"exitCode": 143, "startedAt": LONG_AGO})
    first = pod(PROCESS, "Failed", LONG_AGO, containerStatuses=[killed], **SHUTDOWN)
    found = of_process(first, pod(PROCESS, "Pending"))
    assert (found.ended, found.reason) == (True, SHUT_DOWN)


def test_a_deployment_without_replicas_is_asleep() -> None:
    assert of_process(replicas=0) == Observed(PROCESS, True, asleep=True)


def test_a_deployment_without_a_pod_is_about_to_have_one() -> None:
    assert of_process() == Observed(PROCESS, False, pending=True)


@pytest.mark.parametrize(("since", "over"), [(BEFORE, False), (LONG_AGO, True)])
def test_a_deployment_that_gets_no_pod_says_why(since: str, over: bool) -> None:
    refused = {
        "type": "ReplicaFailure",
        "status": "True",
        "message": "exceeded quota: people",
        "lastTransitionTime": since,
    }
    found = of_process(conditions=[refused])
    assert (found.ended, found.pending) == (over, True)
    assert found.reason == (f"{NO_POD}: exceeded quota: people" if over else None)


def test_a_dashboards_container_that_kubernetes_started_again_has_ended() -> None:
    again = container(1, {"exitCode": 137, "reason": "OOMKilled"}, running={"startedAt": BEFORE})
    found = of_process(pod(PROCESS, containerStatuses=[again]))
    assert (found.ended, found.reason) == (True, "it ran out of memory (limit 512Mi)")


def test_a_dashboards_pod_that_is_being_deleted_has_ended_though_another_takes_its_place() -> None:
    going = pod(PROCESS, created=LONG_AGO, containerStatuses=[container(running={"startedAt": LONG_AGO})])
    going["metadata"]["deletionTimestamp"] = BEFORE
    found = of_process(pod(PROCESS, "Pending"), going)
    assert (found.ended, found.reason) == (True, "its pod was deleted")


def test_a_run_that_is_being_deleted_goes_on_until_it_has_saved() -> None:
    going = pod(ATTEMPT, containerStatuses=[container(running={"startedAt": BEFORE})])
    going["metadata"]["deletionTimestamp"] = BEFORE
    assert of_attempt(going) == Observed(ATTEMPT, False)
