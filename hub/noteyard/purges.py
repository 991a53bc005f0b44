"""What the purge of a removed person's data takes away, all together, and in words for who decides it."""

from dataclasses import dataclass
from typing import Any

from jinja2.filters import do_filesizeformat

from noteyard.backends import PersonalData
from noteyard.store.purging import Holdings


@dataclass(frozen=True)
class Loss:
    """What goes: `held` in the database and among outputs, `stored` in folders of the person's own."""

    held: Holdings
    stored: PersonalData

    def in_words(self) -> list[str]:
        """One phrase for each kind of thing that there is."""
        held, stored = self.held, self.stored
        outputs = f" with {_size(held.output_bytes)} of outputs" if held.output_bytes else ""
        phrases = (
            (stored.files, "file", f" in their own folder and personal S3 data, {_size(stored.size)}"),
            (held.runs, "run", f"{outputs} and logs"),
            (held.schedules, "schedule", " with fires and alerts; not transferred"),
            (held.dashboards, "dashboard", " with renderings; not transferred"),
            (held.releases, "release", " that nothing else uses"),
        )
        return [f"{count:,} {noun}{'s' if count != 1 else ''}{rest}" for count, noun, rest in phrases if count]

    def counts(self) -> dict[str, Any]:
        """Numbers by name, for the audit list and programs; sizes in bytes."""
        return {"files": self.stored.files, "file_bytes": self.stored.size, **vars(self.held)}


def _size(size: int) -> str:
    return do_filesizeformat(size)
