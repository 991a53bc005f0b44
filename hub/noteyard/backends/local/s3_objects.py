"""What the S3 server says of an object, asked on behalf of a key."""

from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import httpx

from noteyard.s3_signatures import signed_headers

SECONDS = 60.0  # it may have to read a whole file for its ETag


class S3Objects:
    """Asks the S3 server at its own `url` (http://host:port, behind the edge)."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx.AsyncClient(timeout=SECONDS, verify=False, trust_env=False)

    async def etag(self, access: tuple[str, str], bucket: str, key: str) -> str | None:
        """The object's ETag with its quotes; None when there is no object. `access`: access key and secret.

        Raises httpx.HTTPError when the server can't be reached or answers with anything else.
        """
        headers = signed_headers("HEAD", urlsplit(self._url).netloc, bucket, key, access, datetime.now(UTC))
        response = await self._http.head(f"{self._url}/{quote(f'{bucket}/{key}', safe='/-_.~')}", headers=headers)
        if response.status_code == 404:
            return None
        response.raise_for_status()
        etag: str | None = response.headers.get("ETag")
        return etag

    async def close(self) -> None:
        await self._http.aclose()
