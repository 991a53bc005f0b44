"""Every implementation, by name. A new one is added here and nowhere else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.harness import FakeHarness, Harness, LocalHarness


@pytest.fixture(params=["local", "fake", "fake-slow", "fake-failing"])
def harness(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Harness]:
    made: Harness
    if request.param == "local":
        made = LocalHarness(tmp_path / "state")
    else:
        made = FakeHarness(
            slow=0.3 if request.param == "fake-slow" else 0.0, failing=2 if request.param == "fake-failing" else 0
        )
    yield made
    made.end()
