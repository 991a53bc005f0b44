"""The Kubernetes API: one client a process, made when it is first needed, and its refusals in words."""

import json

from kubernetes_asyncio import client, config
from kubernetes_asyncio.client import ApiException
from kubernetes_asyncio.config import ConfigException

from noteyard.errors import NoteyardError, Unavailable

FORBIDDEN, NOT_FOUND, CONFLICT, TOO_MANY = 403, 404, 409, 429


async def api_client() -> client.ApiClient:
    """A client by the pod's service account; outside of a cluster by KUBECONFIG."""
    try:
        config.load_incluster_config()  # type: ignore[no-untyped-call]
    except ConfigException:
        await config.load_kube_config()
    return client.ApiClient()


def refused(error: ApiException) -> NoteyardError:
    """What a person or the log is told about an answer of the Kubernetes API."""
    if error.status is None or error.status >= 500 or error.status == TOO_MANY:
        return Unavailable("The Kubernetes API does not answer.", "It is tried again.")
    said = message(error)
    if "exceeded quota" in said:
        return NoteyardError(
            f"The users' namespace has used up its quota: {said}",
            "Stop a lab or wait for a run to end, or ask an administrator for a larger quota.",
        )
    if error.status == FORBIDDEN:
        return NoteyardError(
            f"The cluster's rules do not allow it: {said}",
            "Choose a smaller profile, or show this to an administrator.",
        )
    return NoteyardError(f"Kubernetes refused: {said}", "An administrator finds more in the cluster's events.")


def message(error: ApiException) -> str:
    """The sentence in the API's answer, else its reason."""
    try:
        return str(json.loads(error.body or "")["message"])
    except (ValueError, KeyError, TypeError):
        return str(error.reason)
