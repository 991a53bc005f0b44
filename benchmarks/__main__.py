"""`python -m benchmarks [names]`: measure, print the table; all of them together write it into the README."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks import dashboards, edge, labs, runs, s3_mount, schedules
from benchmarks.measuring import Row
from benchmarks.table import table, write
from tests.support.product import product

# The quick ones last: nothing of theirs is in the way of the others.
BENCHMARKS = {
    "runs": runs.measure,
    "dashboards": dashboards.measure,
    "labs": labs.measure,
    "edge": edge.measure,
    "schedules": schedules.measure,
}
if os.environ.get("KUBECONFIG"):
    BENCHMARKS["s3_mount"] = s3_mount.measure


def main() -> int:
    options = _options()
    names = options.names or list(BENCHMARKS)
    rows: list[Row] = []
    with (
        tempfile.TemporaryDirectory(prefix="noteyard-benchmarks-", ignore_cleanup_errors=True) as temporary,
        product(Path(temporary) / "state") as running,
    ):
        for name in names:
            print(f"{name} …", flush=True)
            rows += BENCHMARKS[name](running, Path(temporary), options.rounds)
    text = table(rows)
    print(text)
    if set(names) == set(BENCHMARKS):
        write(text)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure Noteyard beside the alternatives.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which: {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each side (default: %(default)s)")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
