"""Prometheus metrics of a part: the numbers that every part tells the same way.

Modules define their own counters beside what they count, by prometheus_client. Names start with `noteyard_`, end with
the unit, and labels hold few values each: never a person, a run or a path with an id in it.
"""

from collections.abc import Callable, Iterable

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Info, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from noteyard import __version__

CONTENT_TYPE = CONTENT_TYPE_LATEST


def name_part(part: str, registry: CollectorRegistry = REGISTRY) -> None:
    """Tell which part this process is, and of which version; once a process."""
    Info("noteyard_build", "Part and version.", registry=registry).info({"part": part, "version": __version__})


def exposition(registry: CollectorRegistry = REGISTRY) -> bytes:
    """All metrics of this process in Prometheus' text format."""
    return generate_latest(registry)


class CountsByLabel(Collector):
    """A gauge read from the database when it is asked for, so that every replica tells the same.

    `read` gives label values and their count, for instance run states; a read that fails shows up as a failed scrape.
    """

    def __init__(self, name: str, help: str, label: str, read: Callable[[], Iterable[tuple[str, int]]]) -> None:
        self.name, self.help, self.label, self.read = name, help, label, read

    def collect(self) -> Iterable[Metric]:
        family = GaugeMetricFamily(self.name, self.help, labels=[self.label])
        for value, count in self.read():
            family.add_metric([value], count)
        yield family

    def describe(self) -> Iterable[Metric]:
        """What is registered, without a read of the database."""
        yield GaugeMetricFamily(self.name, self.help, labels=[self.label])
