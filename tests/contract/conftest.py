"""Every implementation, by name. A new one is added here and nowhere else."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.contract.harness import FakeHarness, Harness, LocalHarness
from tests.contract.kubernetes_harness import KubernetesHarness, journal

ON_A_CLUSTER = pytest.mark.skipif(not os.environ.get("KUBECONFIG"), reason="needs a cluster: set KUBECONFIG")


@pytest.fixture(scope="session")
def journal_address() -> Iterator[str]:
    """Where stand-ins in pods keep their journal."""
    with journal() as address:
        yield address


@pytest.fixture(params=["local", "fake", "fake-slow", "fake-failing", pytest.param("kubernetes", marks=ON_A_CLUSTER)])
async def harness(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    made: Harness
    if request.param == "local":
        made = LocalHarness(tmp_path / "state")
    elif request.param == "kubernetes":
        made = KubernetesHarness(request.getfixturevalue("journal_address"))
    else:
        made = FakeHarness(
            slow=0.3 if request.param == "fake-slow" else 0.0, failing=2 if request.param == "fake-failing" else 0
        )
    yield made
    await made.end()
