"""The objects of runs and dashboards as a whole."""

import json
from dataclasses import replace

from noteyard.backends.base import Start
from noteyard.backends.kubernetes.manifests import DASHBOARDS, RUNS, access_secret, job
from noteyard.backends.kubernetes.workload_manifests import deployment, service
from noteyard.kubernetes_settings import Kubernetes
from noteyard.settings import Profile

OPTIONS = Kubernetes(release="yard", namespace="yard-users", addresses={"api": "http://yard-api.yard:8000"})
PROFILE = Profile(name="default", image="registry.example.org/lab@sha256:0123", cpu=2, memory_mb=512)
RUN = Start("r1.2", "the-token", "default")
PROCESS = Start("d1.3.4", "the-token", "default")
OWNER = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "run-r1-2", "uid": "u1"}}


def test_a_job_is_made_once_and_waits_for_its_secret() -> None:
    made = job(RUNS, RUN, PROFILE, OPTIONS)
    assert made["metadata"]["name"] == "run-r1-2"
    assert made["spec"]["suspend"] is True
    assert made["spec"]["backoffLimit"] == 0
    assert made["spec"]["ttlSecondsAfterFinished"] == 600
    pod = made["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    assert pod["automountServiceAccountToken"] is False
    assert pod["containers"][0]["image"] == "registry.example.org/lab@sha256:0123"
    assert pod["containers"][0]["command"] == ["python", "-I", "-m", "noteyard_lab.worker", "--attempt", "r1.2"]
    assert {"name": "work", "emptyDir": {"sizeLimit": "20Gi"}} in pod["volumes"]
    assert "the-token" not in json.dumps(made)


def test_autoscalers_leave_a_run_where_it_is_and_may_move_a_dashboard() -> None:
    moved = deployment(DASHBOARDS, PROCESS, PROFILE, OPTIONS)["spec"]["template"]["metadata"]
    stays = job(RUNS, RUN, PROFILE, OPTIONS)["spec"]["template"]["metadata"]
    assert "annotations" not in moved
    assert stays["annotations"] == {
        "karpenter.sh/do-not-disrupt": "true",
        "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    }


def test_kubernetes_ends_no_job_within_its_run_s_timeout() -> None:
    month = 30 * 24 * 3600
    made = job(RUNS, replace(RUN, timeout=month), PROFILE, OPTIONS)
    assert made["spec"]["activeDeadlineSeconds"] > month + OPTIONS.start_seconds
    unlimited = job(RUNS, RUN, PROFILE, OPTIONS)
    assert "activeDeadlineSeconds" not in unlimited["spec"]


def test_a_secret_goes_with_what_it_is_for() -> None:
    made = access_secret(RUNS, RUN, OPTIONS, OWNER)
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Job", "run-r1-2", "u1")
    assert json.loads(made["stringData"]["access.json"]) == {
        "api": "http://yard-api.yard:8000/internal/v1",
        "attempt": "r1.2",
        "token": "the-token",
    }


def test_starts_of_a_version_share_deployment_and_service_but_not_the_secret() -> None:
    first, later = (deployment(DASHBOARDS, start, PROFILE, OPTIONS) for start in (PROCESS, Start("d1.3.9", "t", "d")))
    assert first["metadata"]["name"] == later["metadata"]["name"] == "dashboard-d1-3"
    assert first["spec"]["selector"] == later["spec"]["selector"]
    labels = [made["spec"]["template"]["metadata"]["labels"] for made in (first, later)]
    assert [found["noteyard/id"] for found in labels] == ["d1.3.4", "d1.3.9"]
    for found in labels:
        assert first["spec"]["selector"]["matchLabels"].items() <= found.items()
    secrets = [made["spec"]["template"]["spec"]["volumes"][-1]["secret"]["secretName"] for made in (first, later)]
    assert secrets == ["dashboard-d1-3-4", "dashboard-d1-3-9"]


def test_a_service_leads_to_the_pod_of_one_start() -> None:
    made = service(PROCESS, OPTIONS, OWNER)
    assert made["metadata"]["name"] == "dashboard-d1-3"
    pod = deployment(DASHBOARDS, PROCESS, PROFILE, OPTIONS)["spec"]["template"]["metadata"]["labels"]
    assert made["spec"]["selector"].items() <= pod.items()
    assert made["spec"]["selector"]["noteyard/id"] == "d1.3.4"
