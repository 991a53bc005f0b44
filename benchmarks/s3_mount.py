"""Cold reads through the S3 mount against boto3 in the same pod, on the cluster of KUBECONFIG.

The server is on the node, where the processor is what all of them wait for, and once more as if behind a network."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from noteyard.backends.kubernetes.s3_pod import STREAMS

from benchmarks.measuring import Pair, Row, a_second
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.s3_side import BUCKET, IMAGE, KEYS, LAB_IMAGE, RELEASE, S3, S3Side, s3_side

READING, FAR = (Path(__file__).with_name(name).read_text() for name in ("s3_reading.py", "far_s3.py"))
FAR_ENDPOINT = f"http://far.{RELEASE}:9000"
SECONDS = 1500


def measure(cluster: Cluster, folder: Path, rounds: int) -> Iterator[Row]:
    with s3_side() as side, _far(side):
        for endpoint, streams, where in (
            (side.endpoint, 1, "S3 on the node"),
            (FAR_ENDPOINT, STREAMS, "S3 over a network"),
        ):
            found = _read(side, endpoint, streams, rounds)
            for kind, how in (("sequential", "one large file"), ("parallel", "four files at once")):
                for way, what, target in (
                    ("download", "boto3's download_file", "at least 1.2x"),
                    ("get", "a GET by boto3, thrown away", "at least 0.5x"),
                ):
                    pair = Pair(found[kind][way], found[kind]["mount"])
                    yield pair.row(f"Cold read through the S3 mount, {where}, {how} ({what})", target, _speed)
            pieces = Pair(found["scattered"]["get"], found["scattered"]["mount"])
            what = f"Cold read through the S3 mount, {where}, pieces of 256 KiB of a large file (ranged GETs by boto3)"
            yield pieces.row(what, "", a_second)


def _read(side: S3Side, endpoint: str, streams: int, rounds: int) -> dict[str, dict[str, list[float]]]:
    person = f"reader-{endpoint.split('.')[0].rpartition('/')[2]}"
    variables = {**KEYS, "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "any"}
    side.start(person, image=LAB_IMAGE, variables=variables, endpoint=endpoint, streams=streams)
    told = [BUCKET, "team", f"{S3}/team", side.endpoint, str(rounds)]
    inside = ["exec", "-i", person, "-c", "lab", "--", "python", "-", *told]
    found: dict[str, dict[str, list[float]]] = json.loads(side.kubectl(*inside, stdin=READING, seconds=SECONDS))
    side.stop(person)
    return found


@contextmanager
def _far(side: S3Side) -> Iterator[None]:
    """The S3 server by another name, where it is as slow as over a network."""
    labels = {"app": "far"}
    command = ["python", "-c", FAR, "minio", "9000"]
    spec = {"containers": [{"name": "far", "image": IMAGE, "command": command}], "terminationGracePeriodSeconds": 1}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "far", "labels": labels}, "spec": spec}
    ports = {"selector": labels, "ports": [{"port": 9000}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "far"}, "spec": ports}
    for made in (pod, service):
        side.kubectl("apply", "-f", "-", stdin=json.dumps(made), space=side.space)
    side.kubectl("wait", "--for=condition=Ready", "pod/far", "--timeout=120s", space=side.space, seconds=150)
    yield


def _speed(value: float) -> str:
    return f"{value:.0f} MB/s"
