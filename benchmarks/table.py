"""The table in the README, between its markers."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measuring import Row

README = Path(__file__).resolve().parent.parent / "README.md"


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown, with the machine and the day below."""
    lines = ["| | alternative | Noteyard | ratio | target |", "|---|---|---|---|---|"]
    for row in rows:
        ratio = f"**{row.ratio:.2f}x**" if row.ratio is not None else ""
        lines.append(f"| {row.what} | {row.theirs} | {row.ours} | {ratio} | {row.target} |")
    return "\n".join([*lines, "", f"{machine()}. The method: [docs/benchmarks.md](docs/benchmarks.md)."]) + "\n"


def machine() -> str:
    """Where and when it was measured, and how busy the machine was with other things."""
    day = datetime.now(UTC).date().isoformat()
    load = os.getloadavg()[0]
    return f"Measured {day} on {os.cpu_count()} cores, Linux {platform.machine()}, load {load:.0f} at the end"


def write(text: str, name: str = "benchmarks", readme: Path = README) -> None:
    """Put the table between the markers of this name. Raises ValueError when the README has none."""
    first, last = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, begin, rest = readme.read_text().partition(first)
    _, end, after = rest.partition(last)
    if not begin or not end:
        raise ValueError(f"{readme} lacks the lines {first.strip()} and {last}; put them where the table goes.")
    readme.write_text(f"{before}{begin}{text}{end}{after}")
