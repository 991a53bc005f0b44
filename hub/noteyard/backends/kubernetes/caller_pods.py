"""Who a pod is, from what the Kubernetes API says of its token and of itself. Pure.

Labels and annotations can be trusted: only hub and controller may make pods in the users' namespace.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from noteyard.backends.base import Caller
from noteyard.backends.kubernetes.manifests import COMPONENT, DASHBOARD, ID, INSTANCE, PERSON, RUN
from noteyard.backends.kubernetes.pod_states import has_ended
from noteyard.domain import DataUser
from noteyard.errors import Forbidden
from noteyard.names import host_label

LAB = "lab"
POD_NAME = "authentication.kubernetes.io/pod-name"
POD_UID = "authentication.kubernetes.io/pod-uid"
ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True)
class PodToken:
    """The pod that a token was made for and ends with."""

    pod: str
    uid: str


def pod_token(review: Mapping[str, Any], audience: str, namespace: str) -> PodToken:
    """From the status of a TokenReview. Raises Forbidden for what is not a token of a pod of people for us."""
    if not review.get("authenticated"):
        # What the API says of it may quote the token.
        raise Forbidden("The token is not valid, or not any more.")
    if audience not in (review.get("audiences") or []):
        raise Forbidden(f"The token is not for the audience {audience}.")
    user = review.get("user") or {}
    if not str(user.get("username", "")).startswith(f"{ACCOUNT}{namespace}:"):
        raise Forbidden("The token is not of a pod of people.")
    extra = user.get("extra") or {}
    (pod, *_), (uid, *_) = extra.get(POD_NAME) or [""], extra.get(POD_UID) or [""]
    if not pod or not uid:
        raise Forbidden("The token is not bound to a pod.")
    return PodToken(pod, uid)


def caller_of(pod: Mapping[str, Any], shown: PodToken, release: str) -> Caller:
    """From the pod itself. Raises Forbidden when it is another, is over, or is none of this installation's."""
    known = pod["metadata"]
    labels = known.get("labels") or {}
    if known.get("uid") != shown.uid or has_ended(pod):
        raise Forbidden(f"The pod {shown.pod} is gone.")
    if labels.get(INSTANCE) != release:
        raise Forbidden(f"The pod {shown.pod} is not of this installation.")
    component = labels.get(COMPONENT)
    if component == LAB:
        person = (known.get("annotations") or {}).get(PERSON, "")
        if person and labels.get(PERSON) == host_label(person):
            return Caller(DataUser.PERSON, person, shown.uid)
    users = {RUN: DataUser.RUN, DASHBOARD: DataUser.DASHBOARD}
    if component in users and labels.get(ID):
        return Caller(users[component], labels[ID], shown.uid)
    raise Forbidden(f"The pod {shown.pod} is no lab, run or dashboard.")
