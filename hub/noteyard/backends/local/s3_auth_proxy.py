"""Tells rclone who an access key is: `python -I -S s3_auth_proxy.py`, run by rclone for every key it does not know yet.

Reads `{"user": <access key>}` on standard input, asks the API, and prints the backend that rclone serves this key: its
own buckets and no others, each a folder, with their MD5 sums remembered (rclone would otherwise read a whole file for
the ETag of every range of it). Imports the standard library alone, and little of it: clients wait for it.

Environment: NOTEYARD_INTERNAL_URL, NOTEYARD_INTERNAL_SECRET_FILE, NOTEYARD_S3_FOLDER (each sub-folder is a bucket).
"""

import http.client
import json
import os
import re
import sys
from pathlib import Path

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
ACCESS_KEY = re.compile(r"[A-Za-z0-9]{3,128}")
SECONDS = 10


def main() -> int:
    access_key = json.load(sys.stdin)["user"]
    if not ACCESS_KEY.fullmatch(access_key):
        sys.stderr.write("That is no access key.\n")
        return 1
    with open(os.environ["NOTEYARD_INTERNAL_SECRET_FILE"], encoding="utf-8") as file:
        secret = file.read().strip()
    status, answer = ask(os.environ["NOTEYARD_INTERNAL_URL"], access_key, secret)
    if status != 200:
        sys.stderr.write(f"The API answered {status} for access key {access_key}.\n")
        return 1
    known = json.loads(answer)
    json.dump(backend(os.environ["NOTEYARD_S3_FOLDER"], known["buckets"], known["secret"]), sys.stdout)
    return 0


def ask(url: str, access_key: str, secret: str) -> tuple[int, bytes]:
    """Status and body of the API's answer about a key; `url` is http://host:port."""
    connection = http.client.HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=SECONDS)
    try:
        headers = {"Authorization": f"Bearer {secret}"}
        connection.request("GET", f"/internal/v1/s3/keys/{access_key}", headers=headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def backend(folder: str, buckets: list[str], secret: str) -> dict[str, str]:
    """rclone's configuration for one key. Makes the folders that are missing; raises ValueError for other names."""
    upstreams = []
    for bucket in buckets:
        if not BUCKET.fullmatch(bucket):
            raise ValueError(f"{bucket!r} is no bucket's name")
        path = Path(folder, bucket)
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        # A connection string (' doubled) inside one field of a list in CSV (" doubled).
        quoted = str(path).replace("'", "''")
        upstream = f"{bucket}=:hasher,remote='{quoted}',hashes=md5,max_age=off:".replace('"', '""')
        upstreams.append(f'"{upstream}"')
    return {"type": "combine", "upstreams": " ".join(upstreams), "_root": "", "_secret_access_key": secret}


if __name__ == "__main__":
    sys.exit(main())
