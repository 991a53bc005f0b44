"""How long the controller's loops wait between turns."""

import pytest
from noteyard.controller.loops import MOST_SECONDS_BETWEEN_TRIES, Loop


async def nothing() -> None:
    return None


@pytest.mark.parametrize(
    ("seconds", "failures", "pause"),
    [(1.0, 0, 1.0), (1.0, 3, 8.0), (1.0, 5, 30.0), (1.0, 5_000, MOST_SECONDS_BETWEEN_TRIES), (60.0, 5_000, 60.0)],
)
def test_the_pause_grows_with_failures_to_an_end(seconds: float, failures: int, pause: float) -> None:
    assert Loop("any", nothing, seconds).pause(failures) == pause
