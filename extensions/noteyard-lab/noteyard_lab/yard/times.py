"""Instants in the reader's own zone, with the zone named; spans, sizes and durations as people write them."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from noteyard_lab.yard.errors import ExitCode, YardError

UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
DURATION = re.compile(r"(\d+)\s*(s|m|min|h|d|)")
ZONE_FOLDER = "/zoneinfo/"


def local(instant: str | None) -> str | None:
    """`2026-11-22 07:00:12 CET` for an ISO instant, in the zone of this computer (or TZ)."""
    if instant is None:
        return None
    there = datetime.fromisoformat(instant)
    return there.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def span(run: dict[str, Any]) -> str | None:
    """How long a run has taken from start to end, None while it goes on."""
    if not run.get("started") or not run.get("ended"):
        return None
    seconds = (datetime.fromisoformat(run["ended"]) - datetime.fromisoformat(run["started"])).total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def duration(text: str | None, option: str) -> int | None:
    """Seconds for `90`, `90s`, `20m`, `2h`, `1d`; raises YardError that names the option."""
    if text is None:
        return None
    match = DURATION.fullmatch(text.strip().lower())
    if match is None:
        raise YardError(
            f"{option} {text!r} is not a time.", "Write a number with s, m, h or d: 90s, 20m, 2h.", code=ExitCode.USAGE
        )
    return int(match[1]) * UNITS[match[2]]


def size(count: int) -> str:
    """Bytes in B, kB, MB or GB (of 1000)."""
    if count < 1000:
        return f"{count} B"
    for unit, bytes_of_it in (("kB", 1e3), ("MB", 1e6)):
        if count / bytes_of_it < 999.95:
            return f"{count / bytes_of_it:.1f} {unit}"
    return f"{count / 1e9:.1f} GB"


def local_zone() -> str:
    """The IANA name of this computer's time zone, UTC when it can't be told."""
    for place in (os.environ.get("TZ", "").lstrip(":"), str(Path("/etc/localtime").resolve())):
        try:
            return ZoneInfo(place.rpartition(ZONE_FOLDER)[2]).key
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return "UTC"
