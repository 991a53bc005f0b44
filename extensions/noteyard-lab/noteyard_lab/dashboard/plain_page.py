"""The plain page a viewer gets in place of a dashboard: one sentence, no sources, nothing to load."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from tornado.web import RequestHandler

_PAGE = """<!DOCTYPE html>
<html lang="en" data-noteyard="{state}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{sentence}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; font: 1rem/1.5 system-ui, sans-serif; }}
p {{ max-width: 32rem; padding: 1rem; text-align: center; }}
</style>
</head>
<body><main><p>{sentence}</p></main></body>
</html>
"""

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Notice:
    """What a plain page says. The page's root element carries `data-noteyard="<state>"`, which the shell reads."""

    status: int
    state: str
    sentence: str
    retry_after: int | None = None


FORBIDDEN = Notice(403, "forbidden", "You can open this dashboard by its link only.")
NOT_FOUND = Notice(404, "missing", "There is nothing at this address.")
BUSY = Notice(503, "busy", "This dashboard is busy. Try again in a minute.", retry_after=60)
BROKEN = Notice(500, "failed", "This dashboard could not start. Its owner can see why.")


def send(handler: RequestHandler, notice: Notice) -> None:
    """Finish the response with the plain page."""
    handler.clear()
    handler.set_status(notice.status)
    for name, value in _HEADERS.items():
        handler.set_header(name, value)
    if notice.retry_after is not None:
        handler.set_header("Retry-After", str(notice.retry_after))
    handler.finish(_PAGE.format(state=notice.state, sentence=escape(notice.sentence)))


class PlainErrors(RequestHandler):
    """Answers every error with a plain page, so that no server page, path or traceback reaches a viewer."""

    def write_error(self, status_code: int, **kwargs: object) -> None:
        send(self, {403: FORBIDDEN, 404: NOT_FOUND, 405: NOT_FOUND}.get(status_code, BROKEN))
