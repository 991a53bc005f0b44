"""Metrics in Prometheus' text format."""

from pathlib import Path

from noteyard import __version__
from noteyard.controller.measurements import measure
from noteyard.metrics import CountsByLabel, exposition, name_part
from noteyard.store import Database
from noteyard.store.migrate import migrate
from prometheus_client import CollectorRegistry


def test_a_part_names_itself() -> None:
    registry = CollectorRegistry()
    name_part("api", registry)
    assert f'noteyard_build_info{{part="api",version="{__version__}"}} 1.0' in exposition(registry).decode()


def test_counts_are_read_when_they_are_asked_for() -> None:
    registry = CollectorRegistry()
    counts = {"queued": 1}
    reads = []

    def read() -> list[tuple[str, int]]:
        reads.append(1)
        return list(counts.items())

    registry.register(CountsByLabel("noteyard_runs", "Runs by state.", "state", read))
    assert reads == []
    assert 'noteyard_runs{state="queued"} 1.0' in exposition(registry).decode()
    counts["queued"] = 5
    assert 'noteyard_runs{state="queued"} 5.0' in exposition(registry).decode()


def test_the_controllers_gauges(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'noteyard.sqlite'}")
    migrate(database)
    registry = CollectorRegistry()
    measure(database, registry)
    told = exposition(registry).decode()
    database.close()
    assert 'noteyard_open_runs{state="queued"} 0.0' in told
    assert 'noteyard_dashboard_processes{state="ready"} 0.0' in told
