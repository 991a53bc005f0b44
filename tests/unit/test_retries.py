"""Waiting before another attempt: doubling, with a limit, and with jitter."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from noteyard.retries import retry_delay


@pytest.mark.parametrize(("attempt", "longest"), [(1, 10), (2, 20), (3, 40), (4, 60), (50, 60), (10_000, 60)])
def test_the_wait_doubles_up_to_the_cap(attempt: int, longest: float) -> None:
    assert retry_delay(attempt, 10, 60, lambda: 1.0) == longest
    assert retry_delay(attempt, 10, 60, lambda: 0.0) == longest / 2


@given(st.integers(1, 1000), st.floats(0, 1e6), st.floats(0, 1e6))
def test_the_wait_is_never_over_the_cap(attempt: int, base: float, cap: float) -> None:
    assert 0 <= retry_delay(attempt, base, cap, random.Random(attempt).random) <= cap


def test_what_failed_together_comes_back_apart() -> None:
    rng = random.Random(1).random
    assert len({retry_delay(3, 10, 600, rng) for _ in range(100)}) == 100
