"""How long to wait before trying again."""

from collections.abc import Callable

MOST_DOUBLINGS = 62


def retry_delay(attempt: int, base: float, cap: float, rng: Callable[[], float]) -> float:
    """Seconds to wait after the failure of attempt number `attempt` (from 1), exponential with jitter.

    The wait doubles with each attempt from `base` seconds up to `cap`. Up to half of it is left out at random (`rng`
    gives numbers from 0 to 1, as `random.random`), so that what failed together does not come back together.
    """
    longest = min(cap, base * 2.0 ** min(attempt - 1, MOST_DOUBLINGS))
    return longest * (0.5 + 0.5 * rng())
