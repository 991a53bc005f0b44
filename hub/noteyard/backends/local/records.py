"""Reading what parts and minders write down of themselves, for whoever looks later."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

# The standard library's: commands set up no logs, and structlog would then print among what they print.
log = logging.getLogger(__name__)
T = TypeVar("T")


def read_record(path: Path, understand: Callable[[str], T]) -> T | None:
    """What is written down; None when nothing is, or nothing that can be understood: what a power cut left empty must
    not stop everything until somebody removes it."""
    try:
        return understand(path.read_text())
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        log.warning("%s can't be understood, and counts as missing: %r", path, error)
        return None
