"""Template filters: durations in words, a drawn card for a dashboard without an image, links to further pages."""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode

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


def drawing(title: str) -> Markup:
    """A bar chart that is always the same for a title, as SVG."""
    digest = hashlib.sha256(title.encode()).digest()
    bars = "".join(
        f'<rect x="{12 + 25 * index}" y="{100 - 20 - digest[index] % 65}" width="17" height="{20 + digest[index] % 65}" rx="2"/>'
        for index in range(BARS)
    )
    tone = digest[BARS] % 4
    return Markup(f'<svg class="drawing tone-{tone}" viewBox="0 0 320 112" role="img" aria-label="">{bars}</svg>')


def with_cursor(params: Mapping[str, str], cursor: str) -> str:
    """The query of the next page."""
    kept = {name: value for name, value in params.items() if name not in ("cursor", "done")}
    return urlencode({**kept, "cursor": cursor})


def install(environment: jinja2.Environment) -> None:
    """Make the filters known to the templates."""
    environment.filters.update(duration=duration, drawing=drawing, with_cursor=with_cursor)
