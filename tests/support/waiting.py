"""Polling a condition with a deadline: tests never sleep for a guessed time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
STEP = 0.02


def until(condition: Callable[[], T], seconds: float = 10.0, what: str = "the condition") -> T:
    """The condition's first true value; AssertionError when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        time.sleep(STEP)
    return value


async def until_async(condition: Callable[[], Awaitable[T]], seconds: float = 10.0, what: str = "the condition") -> T:
    """The condition's first true value; AssertionError when there is none in time."""
    deadline = time.monotonic() + seconds
    while not (value := await condition()):
        assert time.monotonic() < deadline, f"{what} did not come true within {seconds} s"
        await asyncio.sleep(STEP)
    return value
