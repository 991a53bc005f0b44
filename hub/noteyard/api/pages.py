"""HTML pages from templates, with a strict content security policy."""

from pathlib import Path
from typing import Any

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse

from noteyard.api import page_filters

FOLDER = Path(__file__).parent
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-src {frames}; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def environment() -> jinja2.Environment:
    """The templates of portal and viewers' pages."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER / "portal" / "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    page_filters.install(made)
    return made


def page(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """A rendered page; `urls` and `request` are known to every template."""
    urls = request.app.state.urls
    text = request.app.state.templates.get_template(template).render(urls=urls, request=request, **context)
    policy = PAGE_POLICY.format(frames=urls.outputs)
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(text, status, headers)
