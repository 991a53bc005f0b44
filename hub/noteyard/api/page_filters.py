"""Template filters: durations in words, a drawn card for a dashboard without an image, links to further pages."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, available_timezones

import jinja2
from markupsafe import Markup

BARS = 12


def duration(length: timedelta) -> str:
    """`4.2 s`, `3 min 10 s`, `2 h 5 min`."""
    seconds = length.total_seconds()
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


@cache
def time_zones() -> tuple[str, ...]:
    """IANA zones by name, without the old names without a region."""
    return ("UTC", *sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")))


def seconds(length: int) -> str:
    """A whole number of seconds in words: `90 s`, `30 min`, `1 h 30 min`, `2 days`."""
    if length % 86400 == 0 and length:
        return f"{length // 86400} day{'s' if length > 86400 else ''}"
    if length < 120:
        return f"{length} s"
    hours, rest = divmod(length, 3600)
    minutes, odd = divmod(rest, 60)
    named = ((hours, "h"), (minutes, "min"), (odd, "s"))
    return " ".join(f"{count} {unit}" for count, unit in named if count)


def in_zone(moment: datetime, zone: str) -> str:
    """`Mon 2026-11-23 06:00 CET`."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%a %Y-%m-%d %H:%M %Z")


def shown(value: Any) -> str:
    """A parameter's value for reading: text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def drawing(title: str) -> Markup:
    """A bar chart that is always the same for a title, as SVG."""
    digest = hashlib.sha256(title.encode()).digest()
    heights = [20 + byte % 65 for byte in digest[:BARS]]
    bars = "".join(
        f'<rect x="{12 + 25 * index}" y="{100 - height}" width="17" height="{height}" rx="2"/>'
        for index, height in enumerate(heights)
    )
    tone = digest[BARS] % 4
    return Markup(f'<svg class="drawing tone-{tone}" viewBox="0 0 320 112" aria-hidden="true">{bars}</svg>')


def with_cursor(params: Mapping[str, str], cursor: str) -> str:
    """The query of the next page."""
    kept = {name: value for name, value in params.items() if name not in ("cursor", "done", "mark")}
    return urlencode({**kept, "cursor": cursor})


def install(environment: jinja2.Environment) -> None:
    """Make filters and functions known to the templates."""
    environment.globals["time_zones"] = time_zones
    environment.filters.update(
        in_zone=in_zone, duration=duration, seconds=seconds, shown=shown, drawing=drawing, with_cursor=with_cursor
    )
