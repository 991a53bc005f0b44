"""MinIO as its administrator uses it: users over its admin API, as with mc, and objects."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from minio import Minio, MinioAdmin
from minio.credentials import StaticProvider

ROOT = ("testing", "testing-secret")


def add_user(namespace: str, name: str, secret: str, policy: Mapping[str, Any]) -> None:
    """Make the user be there, with this policy."""
    with _forwarded(namespace) as port:
        admin = MinioAdmin(endpoint=f"127.0.0.1:{port}", credentials=StaticProvider(*ROOT), secure=False)
        admin.user_add(access_key=name, secret_key=secret)
        admin.policy_add(policy_name=name, policy=dict(policy))
        admin.policy_set(policy_name=name, user=name)


@contextmanager
def minio(namespace: str) -> Iterator[Minio]:
    """The server, as its root user."""
    with _forwarded(namespace) as port:
        yield Minio(endpoint=f"127.0.0.1:{port}", credentials=StaticProvider(*ROOT), secure=False)


def everything_in(*buckets: str) -> dict[str, Any]:
    """A policy."""
    resources = [f"arn:aws:s3:::{bucket}{end}" for bucket in buckets for end in ("", "/*")]
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": resources}],
    }


@contextmanager
def _forwarded(namespace: str) -> Iterator[int]:
    command = ["kubectl", "-n", namespace, "port-forward", "deploy/minio", ":9000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert found, f"kubectl port-forward said: {line}"
            yield int(found[1])
        finally:
            process.terminate()
