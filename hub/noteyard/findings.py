"""What a check of an installation may find: how much it weighs, what it is, and what to do."""

from dataclasses import dataclass
from enum import StrEnum


class Weight(StrEnum):
    """A problem keeps something from working; a warning works, and costs something; what is not checked may be so."""

    PROBLEM = "problem"
    WARNING = "warning"
    UNCHECKED = "not checked"


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be: what, and what to do."""

    weight: Weight
    message: str
    hint: str
