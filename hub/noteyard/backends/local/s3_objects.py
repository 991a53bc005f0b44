"""What the S3 server says of an object, asked on behalf of a key."""

import http.client
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from noteyard.s3_signatures import signed_headers

SECONDS = 60  # it may have to read a whole file for its ETag


@dataclass(frozen=True)
class S3Objects:
    """`url` is the S3 server's own http://host:port, behind the edge."""

    url: str

    def etag(self, access: tuple[str, str], bucket: str, key: str) -> str | None:
        """The object's ETag with its quotes; None when there is no object. `access`: access key and secret.

        Raises OSError when the server can't be reached, RuntimeError when it answers with anything else.
        """
        host = urlsplit(self.url).netloc
        connection = http.client.HTTPConnection(host, timeout=SECONDS)
        try:
            headers = signed_headers("HEAD", host, bucket, key, access, datetime.now(UTC))
            connection.request("HEAD", quote(f"/{bucket}/{key}", safe="/-_.~"), headers=headers)
            response = connection.getresponse()
        finally:
            connection.close()
        if response.status == 404:
            return None
        if response.status != 200:
            raise RuntimeError(f"The S3 server answered {response.status} to HEAD /{bucket}/{key}.")
        return response.getheader("ETag")
