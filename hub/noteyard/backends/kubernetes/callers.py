"""Which pod of people shows a token: asked of the Kubernetes API anew each time, so that what has gone is refused."""

from collections.abc import Mapping
from typing import Any

from aiohttp import ClientError
from kubernetes_asyncio import client
from kubernetes_asyncio.client import ApiException

from noteyard.backends.base import Caller
from noteyard.backends.kubernetes.caller_pods import PodToken, caller_of, pod_token
from noteyard.backends.kubernetes.cluster import NOT_FOUND, api_client, refused
from noteyard.backends.kubernetes.s3_credentials import AUDIENCE
from noteyard.errors import Forbidden, Unavailable
from noteyard.settings import Settings


class PodCallers:
    """Implements Callers by TokenReview, and the labels that hub and controller gave to the token's pod."""

    def __init__(self, settings: Settings) -> None:
        self._options = settings.kubernetes
        self._client: client.ApiClient | None = None

    async def identify(self, token: str) -> Caller:
        """Raises Forbidden, Unavailable."""
        try:
            shown = pod_token(await self._review(token), AUDIENCE, self._options.namespace)
            return caller_of(await self._pod(shown), shown, self._options.release)
        except ApiException as error:
            raise refused(error) from None  # its own text has the request, and so the token
        except (ClientError, TimeoutError):
            raise Unavailable("The Kubernetes API does not answer.", "It is tried again.") from None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def _review(self, token: str) -> Mapping[str, Any]:
        """The status of the review."""
        connected = await self._connected()
        api = client.AuthenticationV1Api(connected)
        review: Any = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [AUDIENCE]},
        }
        answer = await api.create_token_review(review)
        status: Mapping[str, Any] = connected.sanitize_for_serialization(answer.status)
        return status

    async def _pod(self, shown: PodToken) -> Mapping[str, Any]:
        connected = await self._connected()
        try:
            found = await client.CoreV1Api(connected).read_namespaced_pod(shown.pod, self._options.namespace)
        except ApiException as error:
            if error.status == NOT_FOUND:
                raise Forbidden(f"The pod {shown.pod} is gone.") from None
            raise
        pod: Mapping[str, Any] = connected.sanitize_for_serialization(found)
        return pod

    async def _connected(self) -> client.ApiClient:
        if self._client is None:
            self._client = await api_client()
        return self._client
