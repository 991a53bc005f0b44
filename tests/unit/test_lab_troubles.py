"""What a lab's person is told of a pod that does not start, and what the waiting page says of one that does."""

from datetime import UTC, datetime
from typing import Any

import pytest
from noteyard.backends.kubernetes.lab_progress import stage
from noteyard.backends.kubernetes.lab_troubles import Patience, Trouble, adds_a_node, lab_has_ended, trouble

PATIENCE = Patience(30, 600)


def pod(
    state: dict[str, Any] | None = None, *, said: str = "", node: str = "", phase: str = "Pending"
) -> dict[str, Any]:
    """A lab's pod: state of its container, what the scheduler says, the node that took it."""
    conditions = [{"type": "PodScheduled", "status": "False", "message": said}] if said else []
    statuses = [{"name": "notebook", "image": "lab:1", "state": state}] if state else []
    requests = {"memory": "64Gi", "nvidia.com/gpu": "2"}
    return {
        "metadata": {"name": "lab-ada", "annotations": {"noteyard/image": "lab:1"}},
        "spec": {"nodeName": node, "containers": [{"name": "notebook", "resources": {"requests": requests}}]},
        "status": {"phase": phase, "conditions": conditions, "containerStatuses": statuses},
    }


def event(reason: str, message: str = "", kind: str = "Normal", path: str = "", second: int = 0) -> dict[str, Any]:
    said = {"reason": reason, "message": message, "type": kind, "involvedObject": {"fieldPath": path}}
    return said | {"metadata": {}, "lastTimestamp": f"2026-11-02T09:00:{second:02}Z"}


def found(*arguments: Any, claim: Any = ()) -> Trouble:
    said = trouble(arguments[0], arguments[1] if len(arguments) > 1 else (), claim, PATIENCE)
    assert said is not None
    return said


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("0/3 nodes are available: 3 Insufficient memory.", "enough free memory (it asks for 64 GiB)."),
        ("0/3 nodes are available: 1 Insufficient cpu, 2 Insufficient memory.", "free CPU and free memory (it asks"),
        ("0/3 nodes are available: 3 Insufficient nvidia.com/gpu.", "enough free GPUs (it asks for 2)."),
        ("0/3 nodes are available: 3 Too many pods.", "enough room for one more lab."),
        ("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.", "no machine of the kind"),
        ("0/3 nodes are available: 3 node(s) had untolerated taint {a: b}.", "are kept for other things."),
        ("scheduling is switched off", "No machine of the cluster can take your lab now."),
    ],
)
def test_what_the_scheduler_says_is_said_for_people(said: str, sentence: str) -> None:
    problem = found(pod(said=said))
    assert sentence in problem.message
    assert problem.detail == said
    assert problem.patience == 30


def test_a_node_that_is_being_added_is_waited_for_and_one_that_is_not_isnt() -> None:
    lacking = pod(said="0/3 nodes are available: 3 Insufficient memory.")
    adding = found(lacking, [event("TriggeredScaleUp")])
    assert (adding.message, adding.patience) == ("The cluster adds a machine for your lab.", 600)
    assert found(lacking, [event("NotTriggerScaleUp")]).patience == 0
    waits = stage(lacking, [], adding)
    assert waits.sentence == "The cluster adds a machine for your lab. This takes some minutes …"


def test_a_node_that_comes_for_another_pod_is_waited_for_as_long() -> None:
    lacking = pod(said="0/3 nodes are available: 3 Insufficient memory.")

    def scaling(**times: Any) -> list[Any]:
        return [event("Pulled") | {"metadata": {}}, event("TriggeredScaleUp") | {"metadata": {}, **times}]

    def comes(**times: Any) -> bool:
        return adds_a_node(scaling(**times), datetime(2026, 11, 2, 9, 9, tzinfo=UTC), PATIENCE)

    assert comes(lastTimestamp="2026-11-02T09:00:00Z")
    assert comes(lastTimestamp=None, eventTime="2026-11-02T09:00:00.000000Z")
    assert not comes(lastTimestamp="2026-11-02T08:58:00Z")
    awaited = trouble(lacking, (), (), PATIENCE, node_comes=True)
    assert awaited is not None
    assert (awaited.message, awaited.patience) == ("The cluster adds a machine, which may have room for your lab.", 600)
    assert stage(lacking, [], awaited).sentence.endswith("This takes some minutes …")
    unfit = trouble(lacking, [event("NotTriggerScaleUp")], (), PATIENCE, node_comes=True)
    assert unfit is not None and unfit.patience == 0


def test_an_image_that_is_refused_fails_at_once_and_an_absent_registry_is_tried_again() -> None:
    def pulling(reason: str, message: str) -> Trouble:
        return found(pod({"waiting": {"reason": reason, "message": message}}, node="n"))

    assert pulling("ErrImageNeverPull", "").patience == 0
    assert pulling("ErrImagePull", "manifest unknown: lab:1 not found").patience == 0
    assert pulling("ErrImagePull", "connection refused").patience == 20


def test_an_image_by_digest_that_is_gone_is_another_one_at_the_next_start() -> None:
    waiting = {"waiting": {"reason": "ErrImagePull", "message": "lab@sha256:1: not found"}}
    stuck = pod(waiting)
    assert found(stuck).hint.startswith("Choose another profile, and tell an administrator")
    stuck["spec"]["containers"][0]["image"] = "lab@sha256:1"
    assert found(stuck).hint == "Start your lab again: it then gets the profile's image of today."


def test_an_image_without_python_is_told_from_a_crash() -> None:
    unusable = found(pod({"terminated": {"reason": "StartError", "message": 'exec: "python"', "exitCode": 128}}))
    assert unusable.message == "The image of this profile can't run a lab."
    crashed = found(pod({"terminated": {"reason": "OOMKilled", "exitCode": 137}}, phase="Failed"))
    assert crashed.message == "Your lab ended while it was starting: it ran out of memory."


def test_a_lab_that_its_machine_refuses_is_told_with_what_the_machine_said() -> None:
    refused = pod(phase="Failed", node="n")
    refused["status"] |= {"reason": "OutOfmemory", "message": "Node didn't have enough resource: memory"}
    problem = found(refused)
    assert (problem.message, problem.reason) == ("The machine did not take your lab.", "lab-displaced")
    assert problem.detail == "OutOfmemory: Node didn't have enough resource: memory"
    assert "rescue" not in problem.hint


def test_a_lab_that_ends_with_its_machine_s_shutdown_while_it_starts_is_told_so() -> None:
    ended = pod({"terminated": {"exitCode": 143, "startedAt": "2026-11-02T09:00:00Z"}}, phase="Failed", node="n")
    ended["status"] |= {"reason": "Terminated", "message": "Pod was terminated in response to imminent node shutdown."}
    problem = found(ended)
    assert problem.message == "The cluster ended your lab while it was starting."
    assert problem.detail.startswith("Terminated: Pod was terminated in response to imminent node shutdown")


def test_a_home_without_a_volume_is_told_by_its_claims_own_words() -> None:
    waiting = pod(said="0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.")
    assert (found(waiting).reason, found(waiting).patience) == ("lab-no-home", 90)
    assert stage(waiting, [], found(waiting)).sentence == "The volume for your home is not there yet. Trying again …"
    refusal = event("ProvisioningFailed", "no such storage class", "Warning")
    refused = found(waiting, claim=[refusal])
    assert (refused.detail, refused.patience) == ("no such storage class", 10)
    assert refused.message == "The volume for your home can't be had."
    # A class that waits for the first consumer: no word of the scheduler's at all.
    assert found(pod(), claim=[refusal]).reason == "lab-no-home"


CREATING = {"waiting": {"reason": "ContainerCreating"}}
MULTI_ATTACH = 'Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node'


def test_a_home_that_is_not_attached_may_still_come() -> None:
    waiting = pod(CREATING, node="n")
    waiting["spec"]["volumes"] = [{"name": "home", "persistentVolumeClaim": {"claimName": "home-ada"}}]
    problem = found(waiting, [event("FailedAttachVolume", MULTI_ATTACH, "Warning")])
    assert problem.message == "Your home can't be attached to the machine yet."
    assert (problem.patience, problem.detail) == (90, MULTI_ATTACH)
    assert stage(waiting, [], problem).sentence.endswith("yet. Trying again …")
    assert trouble(pod({"running": {}}, node="n"), [event("FailedMount", "x", "Warning")], (), PATIENCE) is None


@pytest.mark.parametrize("warning", ["FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox"])
@pytest.mark.parametrize("then", ["Pulling", "Pulled", "Created", "Started"])
@pytest.mark.parametrize("second", [5, 9])
def test_a_trouble_of_the_set_up_is_over_when_the_set_up_has_gone_on(warning: str, then: str, second: int) -> None:
    waiting = pod(CREATING, node="n")
    warned = event(warning, "x", "Warning", second=5)
    assert trouble(waiting, [warned, event(then, second=second)], (), PATIENCE) is None
    assert trouble(waiting, [event(then, second=4), warned], (), PATIENCE) is not None


def test_an_attached_volume_may_still_not_be_mounted() -> None:
    waiting = pod(CREATING, node="n")
    attached = event("SuccessfulAttachVolume", second=9)
    assert trouble(waiting, [event("FailedAttachVolume", "x", "Warning", second=5), attached], (), PATIENCE) is None
    assert trouble(waiting, [event("FailedMount", "x", "Warning", second=5), attached], (), PATIENCE) is not None


@pytest.mark.parametrize("state", [{"running": {}}, {"terminated": {"exitCode": 0}}])
def test_a_helper_that_has_begun_shows_that_the_set_up_has_gone_on(state: dict[str, Any]) -> None:
    waiting = pod(CREATING, node="n")
    waiting["status"]["initContainerStatuses"] = [{"name": "s3-mount", "state": state}]
    assert trouble(waiting, [event("FailedMount", "x", "Warning")], (), PATIENCE) is None


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ('MountVolume.MountDevice failed for volume "pvc-1" : rpc error', "Your home"),
        ("Unable to attach or mount volumes: unmounted volumes=[home], unattached volumes=[noteyard-s3]", "Your home"),
        ('MountVolume.SetUp failed for volume "noteyard-s3" : driver name', "The folder with your S3 data"),
        ("unmounted volumes=[noteyard-s3], unattached volumes=[home]: timed", "The folder with your S3 data"),
        ('MountVolume.SetUp failed for volume "certificates" : not found', "The volume certificates"),
        ("timed out waiting for the condition", "A volume of your lab"),
    ],
)
def test_the_volume_that_a_warning_names_is_the_one_that_is_told(said: str, named: str) -> None:
    waiting = pod(CREATING, node="n")
    waiting["spec"]["volumes"] = [
        {"name": "home", "persistentVolumeClaim": {"claimName": "home-ada"}},
        {"name": "noteyard-s3", "csi": {"driver": "s3"}},
        {"name": "certificates", "secret": {"secretName": "certificates"}},
    ]
    problem = found(waiting, [event("FailedMount", said, "Warning")])
    assert problem.message == f"{named} can't be attached to the machine yet."


def test_the_stages_of_a_start_follow_one_another() -> None:
    image = "spec.containers{notebook}"
    creating = {"waiting": {"reason": "ContainerCreating"}}
    steps = [
        stage(None, [], None),
        stage(pod(), [], None),
        stage(pod(creating, node="n"), [event("Scheduled")], None),
        stage(pod(creating, node="n"), [event("Pulling", path=image)], None),
        stage(pod(creating, node="n"), [event("Pulling", path=image), event("Pulled", path=image)], None),
        stage(pod({"running": {}}, node="n"), [], None),
    ]
    assert [step.percent for step in steps] == sorted({step.percent for step in steps})
    assert "Fetching the profile's image" in steps[3].sentence


def test_a_helper_s_image_that_is_there_is_no_progress_of_the_lab() -> None:
    helper = "spec.initContainers{s3-mount}"
    waiting = pod({"waiting": {"reason": "PodInitializing"}}, node="n")
    pulled = stage(waiting, [event("Pulled", path=helper)], None)
    waiting["status"]["initContainerStatuses"] = [{"name": "s3-mount", "state": {"running": {}}}]
    preparing = stage(waiting, [event("Pulled", path=helper)], None)
    assert (pulled.percent, preparing.percent) == (25, 55)
    assert preparing.sentence == "Preparing your lab's data …"
    own = event("Pulled", path="spec.containers{notebook}")
    assert stage(waiting, [own], None).percent == 70, "the event comes before the pod's new state"


def test_a_lab_has_ended_with_its_own_container() -> None:
    with_helper = pod({"terminated": {"exitCode": 0}}, phase="Running")
    assert lab_has_ended(with_helper)
    assert not lab_has_ended(pod({"running": {}}, phase="Running"))
