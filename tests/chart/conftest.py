"""Tests of the chart by what Helm renders; they need no cluster."""

import pytest

from tests.chart.rendering import HELM


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if HELM is not None:
        return
    for item in items:
        if "tests/chart/" in item.nodeid:
            item.add_marker(pytest.mark.skip(reason="needs helm on PATH"))
