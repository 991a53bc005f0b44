"""What people's code printed or raised: kept whatever is in it."""

from typing import Annotated, Any

from pydantic import BeforeValidator

REPLACEMENT = "\ufffd"
# PostgreSQL takes no NUL, and UTF-8 has no halves of surrogate pairs.
UNSTORABLE = {0: REPLACEMENT, **dict.fromkeys(range(0xD800, 0xE000), REPLACEMENT)}


def _storable(value: Any) -> Any:
    # One character for one: a log's next piece says at which character it begins.
    return value.translate(UNSTORABLE) if isinstance(value, str) else value


Printed = Annotated[str, BeforeValidator(_storable)]
"""Text whose characters that can't be stored are replaced, where refusing it would lose a run or a dashboard."""
