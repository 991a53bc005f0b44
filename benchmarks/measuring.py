"""Two sides measured in turn, A B A B, and compared by their medians: both see the same weather of the machine."""

import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

END_SECONDS = 20


@dataclass(frozen=True)
class Row:
    """A line of the table. `ratio` is ours over theirs; None where nothing is compared, and the texts say it all."""

    what: str
    theirs: str
    ours: str
    ratio: float | None = None
    target: str = ""


@dataclass(frozen=True)
class Pair:
    """What both sides measured, in the order of the rounds."""

    theirs: list[float]
    ours: list[float]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ours) / statistics.median(self.theirs)

    def row(self, what: str, target: str, unit: Callable[[float], str]) -> Row:
        theirs, ours = (unit(statistics.median(side)) for side in (self.theirs, self.ours))
        return Row(what, theirs, ours, self.ratio, target)


def in_turn(rounds: int, theirs: Callable[[], float], ours: Callable[[], float]) -> Pair:
    """Measure both sides in turn, after one round of each that is not counted."""
    theirs()
    ours()
    pair = Pair([], [])
    for _ in range(rounds):
        pair.theirs.append(theirs())
        pair.ours.append(ours())
    print(f"  theirs {_list(pair.theirs)}\n  ours   {_list(pair.ours)}", flush=True)
    return pair


def seconds(value: float) -> str:
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def a_second(value: float) -> str:
    return f"{value:,.0f}/s"


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that so many of a hundred do not exceed."""
    return statistics.quantiles(values, n=100)[percent - 1]


def timed(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


@contextmanager
def started(command: Sequence[str | Path], log: Path, env: Mapping[str, str], cwd: Path) -> Iterator[None]:
    """A process for the time of the block; what it prints goes to `log`."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=dict(env), cwd=cwd
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _list(values: list[float]) -> str:
    return " ".join(f"{value:.3f}" for value in values)
