"""The end of a lab's pod, which comes to nothing on a node that is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from noteyard.backends.kubernetes.pod_states import Pod, does_not_end

LOOK_SECONDS = 0.2


async def ended_in_time(ending: Awaitable[object], seen: Callable[[], Pod | None]) -> bool:
    """Wait for `ending`; False when the pod, as it is `seen`, does not end and is waited for no longer.

    It still has its name then, so no second one has the person's home at the same time; a start says what it waits for.
    """
    task = asyncio.ensure_future(ending)
    try:
        while not task.done():
            await asyncio.wait([task], timeout=LOOK_SECONDS)
            pod = seen()
            if not task.done() and pod is not None and does_not_end(pod, datetime.now(UTC)):
                return False
        task.result()
        return True
    finally:
        task.cancel()
