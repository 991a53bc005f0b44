"""Cold reads through the S3 mount against boto3 in the same pod, on the cluster of KUBECONFIG."""

import json
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import Pair, Row
from tests.kubernetes.cluster import Cluster
from tests.kubernetes.s3_side import BUCKET, KEYS, LAB_IMAGE, S3, s3_side

SCRIPT = Path(__file__).with_name("s3_reading.py")
PERSON = "reader"
SECONDS = 1500


def measure(cluster: Cluster, folder: Path, rounds: int) -> Iterator[Row]:
    with s3_side() as side:
        side.start(PERSON, image=LAB_IMAGE, variables={**KEYS, "AWS_ENDPOINT_URL": side.endpoint, "AWS_REGION": "any"})
        inside = ["exec", "-i", PERSON, "-c", "lab", "--", "python", "-", BUCKET, "team", f"{S3}/team", str(rounds)]
        found = json.loads(side.kubectl(*inside, stdin=SCRIPT.read_text(), seconds=SECONDS))
    for kind, how in (("sequential", "one large file"), ("parallel", "four files at once")):
        for way, what, target in (
            ("download", "boto3's download_file", "at least 1.2x"),
            ("get", "a GET by boto3, thrown away", "at least 0.5x"),
        ):
            pair = Pair(found[kind][way], found[kind]["mount"])
            yield pair.row(f"Cold read through the S3 mount, {how} ({what})", target, _speed)


def _speed(value: float) -> str:
    return f"{value:.0f} MB/s"
