"""Delays between tries of a part that fails to start."""

from noteyard.backends.local.restarter import Backoff


class Clock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_delays_double_up_to_the_cap_without_an_end() -> None:
    backoff = Backoff(15, Clock())
    delays = [backoff.failed("hub") for _ in range(100)]
    assert delays[:7] == [0.5, 1, 2, 4, 8, 15, 15]
    assert set(delays[7:]) == {15}


def test_a_part_that_was_up_begins_anew() -> None:
    backoff = Backoff(15, Clock())
    for _ in range(5):
        backoff.failed("hub")
    backoff.up("hub")
    assert backoff.wait() is None
    assert backoff.failed("hub") == 0.5


def test_parts_wait_apart() -> None:
    clock = Clock()
    backoff = Backoff(15, clock)
    assert backoff.wait() is None and backoff.take_due() == []
    backoff.failed("hub")
    backoff.failed("api")
    backoff.failed("api")
    assert backoff.wait() == 0.5
    clock.now += 0.5
    assert backoff.take_due() == ["hub"]
    assert backoff.wait() == 0.5
    clock.now += 5
    assert backoff.wait() == 0
    assert backoff.take_due() == ["api"] and backoff.wait() is None
