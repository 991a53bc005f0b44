"""Runs in a pod: reads fresh objects through the mount and by boto3, in turn. Prints MB/s by way of reading, as JSON.

python - BUCKET PREFIX FOLDER ENDPOINT ROUNDS < s3_reading.py

ENDPOINT is where the objects are written; they are read at the AWS_ENDPOINT_URL of the environment.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3

SEQUENTIAL_MB, PARALLEL_MB, AT_ONCE = 256, 64, 4
PIECES, PIECE = 24, 1 << 18
BLOCK = 1 << 20
MB = 1 << 20

bucket, prefix, folder, rounds = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[5])
s3: Any = boto3.client("s3")
writer: Any = boto3.client("s3", endpoint_url=sys.argv[4])


def by_mount(name: str) -> None:
    with (folder / name).open("rb", buffering=0) as file:
        while file.read(BLOCK):
            pass


def by_download(name: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        s3.download_file(bucket, f"{prefix}/{name}", f"{place}/{name}")


def by_get(name: str) -> None:
    for _ in s3.get_object(Bucket=bucket, Key=f"{prefix}/{name}")["Body"].iter_chunks(BLOCK):
        pass


def pieces_by_mount(name: str) -> None:
    with (folder / name).open("rb", buffering=0) as file:
        for start in scattered():
            os.pread(file.fileno(), PIECE, start)


def pieces_by_get(name: str) -> None:
    for start in scattered():
        s3.get_object(Bucket=bucket, Key=f"{prefix}/{name}", Range=f"bytes={start}-{start + PIECE - 1}")["Body"].read()


def scattered() -> list[int]:
    """Where the pieces begin, in an order that is no order, as a reader of some columns of a file jumps."""
    step = SEQUENTIAL_MB * MB // PIECES
    return [step * (number * 7 % PIECES) for number in range(PIECES)]


WHOLE: dict[str, Callable[[str], None]] = {"get": by_get, "download": by_download, "mount": by_mount}
SCATTERED: dict[str, Callable[[str], None]] = {"get": pieces_by_get, "mount": pieces_by_mount}


def measure(
    label: str, sizes: list[int], ways: dict[str, Callable[[str], None]], amount: int
) -> dict[str, list[float]]:
    """`amount` a second, of what a round reads by each of the ways."""
    found: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        # Objects that nobody has read: for the mount they are cold.
        names = [f"{label}-{number}-{index}" for index in range(len(sizes))]
        for name, size in zip(names, sizes, strict=True):
            writer.put_object(Bucket=bucket, Key=f"{prefix}/{name}", Body=os.urandom(size * MB))
        # What others have written shows up in the folder after some seconds (docs/s3-mount.md).
        for name in names:
            while not (folder / name).exists():
                time.sleep(0.2)
        for way, read in ways.items():
            os.sync()  # what was written before is not to be written now
            begun = time.monotonic()
            with ThreadPoolExecutor(len(names)) as pool:
                list(pool.map(read, names))
            # The first round is not counted.
            if number:
                found[way].append(amount / (time.monotonic() - begun))
        for name in names:
            writer.delete_object(Bucket=bucket, Key=f"{prefix}/{name}")
    return found


print(
    json.dumps(
        {
            "sequential": measure("sequential", [SEQUENTIAL_MB], WHOLE, SEQUENTIAL_MB),
            "parallel": measure("parallel", [PARALLEL_MB] * AT_ONCE, WHOLE, PARALLEL_MB * AT_ONCE),
            "scattered": measure("scattered", [SEQUENTIAL_MB], SCATTERED, PIECES),
        }
    )
)
