"""`python -m benchmarks [names]`: measure, print the table; all of a group together write it into the README."""

import argparse
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import dashboards, edge, kubernetes_labs, kubernetes_scale, labs, runs, s3_mount, schedules
from benchmarks.measuring import Row
from benchmarks.table import table, write
from tests.kubernetes.cluster import installed
from tests.support.product import product


@dataclass(frozen=True)
class Group:
    """Benchmarks of one shape: they share an installation, and a table between the README's markers of this name."""

    marker: str
    installation: Callable[[Path], AbstractContextManager[Any]]
    benchmarks: Mapping[str, Callable[[Any, Path, int], Iterator[Row]]]


# The quick ones last: nothing of theirs is in the way of the others.
ON_ONE_MACHINE = Group(
    "benchmarks",
    product,
    {
        "runs": runs.measure,
        "dashboards": dashboards.measure,
        "labs": labs.measure,
        "edge": edge.measure,
        "schedules": schedules.measure,
    },
)
# On the cluster of KUBECONFIG, with the images that `make images` has built and loaded.
ON_KUBERNETES = Group(
    "kubernetes-benchmarks",
    installed,
    {"labs": kubernetes_labs.measure, "s3_mount": s3_mount.measure, "scale": kubernetes_scale.measure},
)


def main() -> None:
    options = _options()
    group: Group = options.group
    rows: list[Row] = []
    with (
        tempfile.TemporaryDirectory(prefix="noteyard-benchmarks-", ignore_cleanup_errors=True) as temporary,
        group.installation(Path(temporary) / "state") as running,
    ):
        for name in options.names:
            print(f"{name} …", flush=True)
            rows += group.benchmarks[name](running, Path(temporary), options.rounds)
    text = table(rows)
    print(text)
    if set(options.names) == set(group.benchmarks):
        write(text, group.marker)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure Noteyard beside the alternatives.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which of the group; all by default")
    parser.add_argument(
        "--kubernetes",
        dest="group",
        action="store_const",
        const=ON_KUBERNETES,
        default=ON_ONE_MACHINE,
        help="on the cluster of KUBECONFIG: labs, s3_mount, scale",
    )
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each side (default: %(default)s)")
    options = parser.parse_args()
    known = options.group.benchmarks
    unknown = sorted(set(options.names) - set(known))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    options.names = options.names or list(known)
    return options


if __name__ == "__main__":
    main()
