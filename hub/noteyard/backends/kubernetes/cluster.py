"""The Kubernetes API: one client a process, made when it is first needed, and its refusals in words."""

import json
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import ClientError
from kubernetes_asyncio import client, config
from kubernetes_asyncio.client import ApiException
from kubernetes_asyncio.config import ConfigException

from noteyard.errors import NoteyardError, Unavailable

FORBIDDEN, NOT_FOUND, CONFLICT, TOO_MANY = 403, 404, 409, 429
AWAY = (ClientError, TimeoutError)
"""The Kubernetes API was not reached, or did not answer."""
PATIENCE = (5.0, 30.0)
"""Seconds to connect, and for the API to say anything more."""


class Cluster:
    """The connection of one process."""

    def __init__(self) -> None:
        self._client: client.ApiClient | None = None

    async def core(self) -> client.CoreV1Api:
        return client.CoreV1Api(await self.client())

    async def batch(self) -> client.BatchV1Api:
        return client.BatchV1Api(await self.client())

    async def apps(self) -> client.AppsV1Api:
        return client.AppsV1Api(await self.client())

    async def client(self) -> client.ApiClient:
        """The client itself."""
        if self._client is None:
            self._client = await api_client()
        return self._client

    async def close(self) -> None:
        """End the connections; a later call makes new ones."""
        if self._client is not None:
            await self._client.close()
            self._client = None


async def api_client() -> client.ApiClient:
    """A client by the pod's service account; outside of a cluster by KUBECONFIG."""
    try:
        config.load_incluster_config()  # type: ignore[no-untyped-call]
    except ConfigException:
        await config.load_kube_config()
    return client.ApiClient()


@contextmanager
def asking() -> Iterator[None]:
    """What fails in the block becomes a NoteyardError; Unavailable when it is worth trying again."""
    try:
        yield
    except ApiException as error:
        raise refused(error) from error
    except (ClientError, TimeoutError) as error:
        raise away() from error


async def json_of(answer: Any) -> Any:
    """What the API says, of an answer that the client has not read. Raises ApiException for a refusal."""
    body = await answer.text()
    if answer.status != 200:
        failed = ApiException(status=answer.status, reason=answer.reason)
        failed.body = body
        raise failed
    return json.loads(body)


async def unless_there(creation: Awaitable[Any]) -> Any:
    """What was made, or None when there is one of its name already."""
    try:
        return await creation
    except ApiException as error:
        if error.status != CONFLICT:
            raise
        return None


async def if_there(call: Awaitable[Any]) -> Any:
    """The answer, or None when there is no such object."""
    try:
        return await call
    except ApiException as error:
        if error.status != NOT_FOUND:
            raise
        return None


async def unless_changed(call: Awaitable[Any]) -> bool:
    """Whether it was done; False when somebody, Kubernetes itself most often, changed the object in between."""
    try:
        await call
    except ApiException as error:
        if error.status != CONFLICT:
            raise
        return False
    return True


def away() -> Unavailable:
    return Unavailable("The Kubernetes API does not answer.", "It is tried again.")


def refused(error: ApiException) -> NoteyardError:
    """What a person or the log is told about an answer of the Kubernetes API."""
    if error.status is None or error.status >= 500 or error.status in (TOO_MANY, CONFLICT):
        return away()
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
