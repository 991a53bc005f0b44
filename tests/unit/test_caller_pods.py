"""Whose token it is and which pod, as a table of what the Kubernetes API may answer."""

from typing import Any

import pytest
from noteyard.backends.kubernetes.caller_pods import PodToken, caller_of, pod_token
from noteyard.domain import DataUser
from noteyard.errors import Forbidden

SHOWN = PodToken("lab-ada", "uid-1")


def review(**change: Any) -> dict[str, Any]:
    extra = {
        "authentication.kubernetes.io/pod-name": ["lab-ada"],
        "authentication.kubernetes.io/pod-uid": ["uid-1"],
        "authentication.kubernetes.io/node-name": ["node1"],
    }
    user = {"username": "system:serviceaccount:yard-users:default", "extra": extra}
    return {"authenticated": True, "audiences": ["noteyard"], "user": {**user, **change.pop("user", {})}, **change}


def test_a_token_of_a_pod_of_people() -> None:
    assert pod_token(review(), "noteyard", "yard-users") == SHOWN


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({}, "The token is not valid, or not any more."),
        (review(authenticated=False, error="token eyJ… expired"), "The token is not valid, or not any more."),
        (review(audiences=["https://kubernetes.default.svc"]), "The token is not for the audience noteyard."),
        # An API that knows no audiences answers without any.
        (review(audiences=None), "The token is not for the audience noteyard."),
        (review(user={"username": "system:serviceaccount:other:default"}), "The token is not of a pod of people."),
        (review(user={"username": "system:serviceaccount:yard-users2:x"}), "The token is not of a pod of people."),
        (review(user={"username": "admin"}), "The token is not of a pod of people."),
        (review(user={"extra": None}), "The token is not bound to a pod."),
        (
            review(user={"extra": {"authentication.kubernetes.io/pod-name": ["lab-ada"]}}),
            "The token is not bound to a pod.",
        ),
    ],
)
def test_other_tokens(answer: dict[str, Any], said: str) -> None:
    with pytest.raises(Forbidden) as refused:
        pod_token(answer, "noteyard", "yard-users")
    assert refused.value.message == said


def pod(component: str = "lab", uid: str = "uid-1", phase: str = "Running", **labels: str) -> dict[str, Any]:
    marks = {"app.kubernetes.io/instance": "yard", "app.kubernetes.io/component": component, **labels}
    return {"metadata": {"name": "lab-ada", "uid": uid, "labels": marks}, "status": {"phase": phase}}


def lab(person: str, label: str) -> dict[str, Any]:
    found = pod(**{"noteyard/person": label})
    found["metadata"]["annotations"] = {"noteyard/person": person}
    return found


@pytest.mark.parametrize(
    ("found", "user", "subject"),
    [
        (lab("ada", "ada"), DataUser.PERSON, "ada"),
        (lab("a.da", "a-da--bfad555c"), DataUser.PERSON, "a.da"),
        (pod("run", **{"noteyard/id": "r1.1"}), DataUser.RUN, "r1.1"),
        (pod("dashboard", phase="Pending", **{"noteyard/id": "d1.1.1"}), DataUser.DASHBOARD, "d1.1.1"),
    ],
)
def test_pods_that_act_for_somebody(found: dict[str, Any], user: DataUser, subject: str) -> None:
    caller = caller_of(found, SHOWN, "yard")
    assert (caller.user, caller.subject, caller.id) == (user, subject, "uid-1")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        # One of the same name that came later.
        (pod("run", uid="uid-2", **{"noteyard/id": "r1.1"}), "The pod lab-ada is gone."),
        (pod("run", phase="Succeeded", **{"noteyard/id": "r1.1"}), "The pod lab-ada is gone."),
        (pod("run", phase="Failed", **{"noteyard/id": "r1.1"}), "The pod lab-ada is gone."),
        (
            pod("run", **{"noteyard/id": "r1.1", "app.kubernetes.io/instance": "other"}),
            "The pod lab-ada is not of this installation.",
        ),
        (pod("run"), "The pod lab-ada is no lab, run or dashboard."),
        (pod("tool", **{"noteyard/id": "r1.1"}), "The pod lab-ada is no lab, run or dashboard."),
        (pod(**{"noteyard/person": "ada"}), "The pod lab-ada is no lab, run or dashboard."),
        (lab("bob", "ada"), "The pod lab-ada is no lab, run or dashboard."),
    ],
)
def test_pods_that_act_for_nobody(found: dict[str, Any], said: str) -> None:
    with pytest.raises(Forbidden) as refused:
        caller_of(found, SHOWN, "yard")
    assert refused.value.message == said
